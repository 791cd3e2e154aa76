import { describe, expect, it } from 'vitest'
import type { Instance } from '../../src/registry/source.ts'
import { Harness, instance } from './harness.ts'
import { VERDICTS } from '../../src/verdict/verdict.ts'

describe('an attempt', () => {
  it('is in flight until it is released, and pending until it is settled', async () => {
    const harness = new Harness()
    harness.apply('a')
    const [endpoint] = harness.fleet.endpoints
    const attempt = harness.acquire()
    expect(endpoint).toMatchObject({ inFlight: 1, pending: 1 })
    await harness.clock.advance(30)
    attempt?.settle(VERDICTS.good)
    expect(endpoint).toMatchObject({ inFlight: 1, pending: 0, settled: { success: 1 } })
    attempt?.release()
    expect(endpoint).toMatchObject({ inFlight: 0, pending: 0 })
  })

  it('is settled and released once, even if settle() and release() are called more often', () => {
    const harness = new Harness()
    harness.apply('a')
    const [endpoint] = harness.fleet.endpoints
    const attempt = harness.acquire()
    attempt?.settle(VERDICTS.good)
    attempt?.settle(VERDICTS.bad)
    attempt?.release()
    attempt?.release()
    expect(endpoint).toMatchObject({ inFlight: 0, pending: 0, settled: { success: 1, failure: 0 } })
  })

  it('without a verdict is settled as ignored by release()', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a')
    harness.acquire()?.release()
    expect(harness.fleet.endpoints[0]).toMatchObject({ inFlight: 0, pending: 0, settled: { ignored: 1 } })
    expect(harness.run()).toBe('a')
  })

  it('counts for the mean age of pending attempts of its endpoint', async () => {
    const harness = new Harness()
    harness.apply('a')
    const [endpoint] = harness.fleet.endpoints
    const first = harness.acquire()
    await harness.clock.advance(100)
    const second = harness.acquire()
    await harness.clock.advance(100)
    expect(endpoint?.pendingAge(harness.clock.now())).toBe(150)
    first?.settle(VERDICTS.good)
    expect(endpoint?.pendingAge(harness.clock.now())).toBe(100)
    second?.settle(VERDICTS.good)
    expect(endpoint?.pendingAge(harness.clock.now())).toBe(0)
  })

  it('that was a success until its body was cut short counts as a failure', () => {
    const harness = new Harness({ breaker: { failureThreshold: 2 } })
    harness.apply('a')
    for (let time = 0; time < 2; time++) {
      const attempt = harness.acquire()
      attempt?.settle(VERDICTS.good)
      attempt?.amend(VERDICTS.truncated)
      attempt?.amend(VERDICTS.truncated)
      attempt?.release()
    }
    expect(harness.fleet.endpoints[0]?.settled).toMatchObject({ success: 0, failure: 2 })
    expect(harness.log).toContain('breaker:open a')
  })
})

describe('a pick', () => {
  it.each<[string, Instance[], string]>([
    ['avoids a draining instance', [instance('a', { draining: true }), instance('b')], 'b'],
    ['avoids an instance of weight 0', [instance('a', { weight: 0 }), instance('b')], 'b'],
    ['uses a draining instance if there is no other', [instance('a', { draining: true })], 'a'],
    ['uses an instance of weight 0 if there is no other', [instance('a', { weight: 0 })], 'a'],
  ])('%s', (_name, instances, expected) => {
    const harness = new Harness()
    harness.apply(...instances)
    expect(harness.run()).toBe(expected)
  })

  it('uses a draining instance if all others are open', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a', instance('b', { draining: true }))
    harness.run('failure')
    expect(harness.run()).toBe('b')
  })

  it('is undefined without instances', () => {
    expect(new Harness().acquire()).toBeUndefined()
  })

  it('avoids an instance for the pause that it asked for', async () => {
    const harness = new Harness()
    harness.apply('a', 'b')
    const attempt = harness.acquire()
    attempt?.settle(VERDICTS.busy, 0, 300)
    attempt?.release()
    expect(harness.run()).toBe('b')
    await harness.clock.advance(299)
    expect(harness.run()).toBe('b')
    await harness.clock.advance(1)
    expect(harness.run()).toBe('a')
  })

  it('uses a paused instance if there is no other', () => {
    const harness = new Harness()
    harness.apply('a')
    harness.acquire()?.settle(VERDICTS.busy, 0, 300)
    expect(harness.run()).toBe('a')
  })

  it('for a retry uses an endpoint that the call has not used, if there is one', () => {
    const harness = new Harness()
    harness.apply('a', 'b', instance('c', { draining: true }))
    harness.pick = (endpoints) => endpoints[0]
    const excluded = new Set<string>()
    const ids = Array.from({ length: 4 }, (_, index) => {
      const attempt = harness.acquire(harness.guards[0], {
        attempt: index + 1,
        excluded: (endpoint) => excluded.has(endpoint.instance.id),
      })
      excluded.add(attempt?.instance.id ?? '')
      return attempt?.instance.id
    })
    expect(ids).toEqual(['a', 'b', 'c', 'a'])
  })

  it('gives an endpoint whose breaker has closed a growing share of its traffic, and the rest to others', async () => {
    const harness = new Harness({
      breaker: { failureThreshold: 1, successThreshold: 1, openFor: 1000, rampFor: 10_000 },
    })
    harness.apply('a', 'b')
    harness.run('failure')
    await harness.clock.advance(1000)
    harness.run()
    expect(harness.log.at(-1)).toBe('breaker:close a')
    harness.pick = (endpoints, { random, excluded }) => {
      const others = endpoints.filter((endpoint) => !excluded(endpoint))
      return others[Math.floor(random() * others.length)]
    }
    const share = (): number => {
      let count = 0
      for (let call = 0; call < 2000; call++) if (harness.run() === 'a') count++
      return count / 2000
    }
    expect(share()).toBeCloseTo(0.05, 1)
    await harness.clock.advance(5000)
    expect(share()).toBeCloseTo(0.25, 1)
    await harness.clock.advance(5000)
    expect(share()).toBeCloseTo(0.5, 1)
  })

  it('gives the only endpoint all calls, even while it ramps up', async () => {
    const harness = new Harness({
      breaker: { failureThreshold: 1, successThreshold: 1, openFor: 1000, rampFor: 10_000 },
    })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(1000)
    for (let call = 0; call < 20; call++) expect(harness.run()).toBe('a')
  })
})

describe('breakers in front of the fleet', () => {
  it('take an open endpoint out without an error, and refuse only if all are open', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 5000 } })
    harness.apply('a', 'b')
    expect(harness.run('failure')).toBe('a')
    expect(harness.run('failure')).toBe('b')
    expect(harness.acquire()).toBeUndefined()
  })

  it('report the time at which the first of them admits a probe', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 5000 } })
    harness.apply('a', 'b')
    harness.run('failure')
    await harness.clock.advance(2000)
    harness.run('failure')
    await harness.clock.advance(1000)
    expect(harness.acquire()).toBeUndefined()
    expect(harness.fleet.makeRefusal(harness.guards[0], undefined, undefined, undefined)).toMatchObject({
      name: 'CircuitOpenError',
      code: 'ERR_OUTRIGGER_CIRCUIT_OPEN',
      retryAfter: 2000,
    })
  })

  it('report Infinity if all are isolated by hand', () => {
    const harness = new Harness()
    harness.apply('a')
    const [guard] = harness.guards
    if (guard) harness.fleet.endpoints[0]?.breaker(guard).isolate()
    expect(harness.acquire()).toBeUndefined()
    expect(harness.fleet.makeRefusal(guard, undefined, undefined, undefined)).toMatchObject({
      retryAfter: Infinity,
    })
  })

  it('admit an endpoint again when its open time has passed, without a timer', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 5000 } })
    harness.apply('a', 'b')
    harness.run('failure')
    expect(harness.clock.timers).toBe(0)
    await harness.clock.advance(4999)
    expect(harness.run()).toBe('b')
    await harness.clock.advance(1)
    expect(harness.run()).toBe('a')
    expect(harness.log).toContain('breaker:half-open a')
  })

  it('admit one probe to an endpoint, and other calls go to other endpoints meanwhile', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 1000, successThreshold: 2 } })
    harness.apply('a', 'b')
    harness.run('failure')
    await harness.clock.advance(1000)
    const probe = harness.acquire()
    expect(probe?.instance.id).toBe('a')
    expect([harness.run(), harness.run()]).toEqual(['b', 'b'])
    probe?.settle(VERDICTS.good)
    probe?.release()
    const second = harness.acquire()
    expect(second?.instance.id).toBe('a')
    expect(harness.run()).toBe('b')
    second?.settle(VERDICTS.good)
    second?.release()
    expect(harness.log.at(-1)).toBe('breaker:close a')
    expect(harness.run()).toBe('a')
  })

  it('give the slot of a probe that hangs to another probe', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 1000, probeTimeout: 500 } })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(1000)
    expect(harness.acquire()?.instance.id).toBe('a')
    expect(harness.acquire()).toBeUndefined()
    await harness.clock.advance(500)
    expect(harness.acquire()?.instance.id).toBe('a')
  })

  it('admit another probe after 1 s if one hangs, and close when the instance has recovered', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 1000 } })
    harness.apply('a', 'b')
    harness.pick = (endpoints) => endpoints.find(({ instance }) => instance.id === 'a') ?? endpoints[0]
    harness.run('failure')
    await harness.clock.advance(1000)
    const hung = [harness.acquire()]
    for (const ms of [1000, 2000, 4000]) {
      await harness.clock.advance(ms - 1)
      expect(harness.run()).toBe('b')
      await harness.clock.advance(1)
      hung.push(harness.acquire())
      // One at a time, although the first ones are still out.
      expect(harness.run()).toBe('b')
    }
    expect(hung.map((attempt) => attempt?.instance.id)).toEqual(['a', 'a', 'a', 'a'])
    await harness.clock.advance(8000)
    expect([harness.run(), harness.run()]).toEqual(['a', 'a'])
    // What was slow and not dead counts too.
    hung[0]?.settle(VERDICTS.good)
    expect(harness.log.at(-1)).toBe('breaker:close a')
    expect(hung.slice(1).map((attempt) => attempt?.settle(VERDICTS.silent))).toHaveLength(3)
    expect(harness.fleet.endpoints[0]?.isInstanceBreakerClosed()).toBe(true)
  })

  it('wait for a probe for probeTimeout, if that is set', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 1000, probeTimeout: 20_000 } })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(1000)
    expect(harness.acquire()).toBeDefined()
    await harness.clock.advance(19_999)
    expect(harness.acquire()).toBeUndefined()
    await harness.clock.advance(1)
    expect(harness.acquire()).toBeDefined()
  })

  it('open again if the probe fails that replaced one that hangs', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 5000 } })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(5000)
    const hung = harness.acquire()
    await harness.clock.advance(1000)
    expect(harness.run('failure')).toBe('a')
    expect(harness.log.at(-1)).toBe('breaker:open a')
    // Too late for the state that it was sent in.
    hung?.settle(VERDICTS.good)
    expect(harness.acquire()).toBeUndefined()
  })

  it('give the slot of a probe that was ignored to another probe immediately', async () => {
    const harness = new Harness({ breaker: { failureThreshold: 1, openFor: 1000 } })
    harness.apply('a')
    harness.run('failure')
    await harness.clock.advance(1000)
    expect(harness.run('ignored')).toBe('a')
    expect(harness.run()).toBe('a')
  })

  it('of a route and of the instance must both admit, and a refusal of one takes no slot of the other', async () => {
    const options = { failureThreshold: 1, openFor: 1000, successThreshold: 1 }
    const harness = new Harness({ breaker: options, route: options })
    harness.apply('a')
    const [own, route] = harness.guards
    harness.run('failure', route)
    expect(harness.acquire(route)).toBeUndefined()
    expect(harness.run('failure', own)).toBe('a')
    await harness.clock.advance(1000)
    // Both are half-open: one probe of the instance is under way, so the route's must wait and lose nothing.
    const probe = harness.acquire(own)
    expect(harness.acquire(route)).toBeUndefined()
    probe?.settle(VERDICTS.good)
    probe?.release()
    expect(harness.run('success', route)).toBe('a')
    const [endpoint] = harness.fleet.endpoints
    expect([0, 1].map((index) => endpoint?.breakerAt(index)?.state)).toEqual(['closed', 'closed'])
  })

  it('of a route get their slot back if the breaker of the instance refuses', async () => {
    const harness = new Harness({
      breaker: { failureThreshold: 1, openFor: 5000 },
      route: { failureThreshold: 1, openFor: 1000 },
      panicThreshold: 1,
    })
    harness.apply('a')
    const [own, route] = harness.guards
    harness.run('failure', route)
    harness.run('failure', own)
    await harness.clock.advance(1000)
    // Tried in panic, without a permit.
    expect(harness.acquire(route)?.instance.id).toBe('a')
    expect(route && harness.fleet.endpoints[0]?.breaker(route).admits(harness.clock.now())).toBe(true)
  })

  it('neither admit nor count an attempt without a guard', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a')
    const attempt = harness.fleet.acquire(
      { now: 0, random: () => 0, attempt: 1, excluded: () => false },
      undefined,
    )
    attempt?.settle(VERDICTS.bad)
    attempt?.release()
    expect(harness.run('failure')).toBe('a')
    expect(harness.acquire()).toBeUndefined()
    const unguarded = harness.fleet.acquire(
      { now: 0, random: () => 0, attempt: 1, excluded: () => false },
      undefined,
    )
    expect(unguarded?.instance.id).toBe('a')
  })
})

describe('panicThreshold', () => {
  it('ignores the breakers if fewer than that share of endpoints may be picked', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 }, panicThreshold: 0.5 })
    harness.apply('a', 'b', 'c', 'd')
    expect([harness.run('failure'), harness.run('failure')]).toEqual(['a', 'b'])
    // Half of them is not fewer than half.
    expect(harness.run('failure')).toBe('c')
    expect(harness.run()).toBe('a')
    expect(harness.lists.at(-1)).toHaveLength(4)
  })

  it('uses an endpoint although all are open', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 }, panicThreshold: 0.5 })
    harness.apply('a')
    harness.run('failure')
    expect(harness.run()).toBe('a')
  })

  it('of 0 never ignores breakers', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a')
    harness.run('failure')
    expect(harness.acquire()).toBeUndefined()
  })

  it('respects the breakers again when enough endpoints may be picked', async () => {
    const harness = new Harness({
      breaker: { failureThreshold: 1, openFor: 1000, successThreshold: 1 },
      panicThreshold: 0.5,
    })
    harness.apply('a', 'b')
    harness.run('failure')
    harness.run('failure')
    expect(harness.run()).toBe('a')
    await harness.clock.advance(1000)
    harness.run()
    expect(harness.log).toContain('breaker:close a')
  })
})

describe('the list of endpoints that a balancer gets', () => {
  it('stays the same array while its members are the same', () => {
    const harness = new Harness({ breaker: { failureThreshold: 1 } })
    harness.apply('a', 'b', 'c')
    const late = harness.acquire()
    harness.run('failure')
    harness.run()
    const list = harness.lists.at(-1)
    late?.settle(VERDICTS.bad)
    harness.run()
    expect(harness.lists.at(-1)).toBe(list)
    expect(list).toHaveLength(2)
  })
})

describe('with 10,000 instances', () => {
  it('a pick does not look at all of them: the list is made only when the set changes', () => {
    let looks = 0
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      ...instance(`i${index}`),
      get draining() {
        looks++
        return false
      },
    }))
    const harness = new Harness({ breaker: { failureThreshold: 3 } })
    harness.pick = (endpoints, { random }) => endpoints[Math.floor(random() * endpoints.length)]
    harness.apply(...many)
    for (let call = 0; call < 1000; call++) harness.run(call % 2 === 0 ? 'success' : 'failure')
    expect(new Set(harness.lists).size).toBe(1)
    expect(looks).toBe(10_000)
    harness.pick = (endpoints) => endpoints[0]
    for (let call = 0; call < 3; call++) harness.run('failure')
    harness.run()
    expect(new Set(harness.lists).size).toBe(2)
    expect(looks).toBeLessThan(30_000)
  })
})
