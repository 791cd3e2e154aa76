import { describe, expect, it } from 'vitest'
import { Breaker, EARLY } from '../../src/breaker/breaker.ts'
import { breakerPolicy, type BreakerOptions, type BreakerPolicy } from '../../src/breaker/policy.ts'
import type { Transition } from '../../src/breaker/transition.ts'
import type { Outcome } from '../../src/observe/events.ts'
import { testClock } from './script.ts'

/** A breaker with the inputs of its client: other policies, alternative endpoints, health checks, registrations. */
function make(
  options: BreakerOptions | BreakerPolicy,
  hasStandIn?: () => boolean,
  heldUntil?: (probeAt: number) => number,
) {
  const clock = testClock()
  const transitions: Transition[] = []
  const policy = 'lastThreshold' in options ? options : breakerPolicy(options)
  const breaker = new Breaker(
    policy,
    clock,
    (transition) => transitions.push(transition),
    hasStandIn,
    heldUntil,
  )
  const call = (outcome: Outcome, times = 1, ms = 0, retryAfter = 0): void => {
    for (let i = 0; i < times; i++) {
      const permit = breaker.tryAcquire(clock.time)
      expect(permit).toBeGreaterThan(0)
      breaker.settle(permit, outcome, ms, clock.time, retryAfter)
    }
  }
  return { breaker, clock, transitions, call }
}

const growing = { initial: 100, factor: 2, max: 1_000, jitter: 0 }

describe('another policy', () => {
  it('uses its own threshold, and keeps the failures that were counted', () => {
    const { breaker, call } = make({ failureThreshold: 3 })
    call('failure', 2)
    breaker.adopt(breakerPolicy({ failureThreshold: 5 }))
    call('failure', 2)
    expect(breaker.state).toBe('closed')
    call('failure')
    expect(breaker.state).toBe('open')
  })

  it('keeps a window of the same size, and begins an empty one otherwise', () => {
    const window = { window: { calls: 4 }, minimumCalls: 4, failureThreshold: Infinity, failureRate: 0.9 }
    const { breaker, call, transitions } = make(window)
    call('failure', 2)
    call('success')
    breaker.adopt(breakerPolicy({ ...window, failureRate: 0.5 }))
    expect(breaker.counts(0)).toMatchObject({ calls: 3, failures: 2 })
    call('success')
    expect(transitions).toMatchObject([
      { to: 'open', reason: 'failure-rate', counts: { calls: 4, rate: 0.5 } },
    ])
    breaker.reset()
    call('failure')
    breaker.adopt(breakerPolicy({ ...window, window: { calls: 8 } }))
    expect(breaker.counts(0)).toMatchObject({ calls: 0, failures: 0 })
    breaker.adopt(breakerPolicy({ failureThreshold: 3 }))
    expect(breaker.counts(0)).toEqual({ consecutive: 1 })
  })

  it('uses its own open time for the next opening', () => {
    const { breaker, call } = make({ failureThreshold: 1, openFor: 100 })
    breaker.adopt(breakerPolicy({ failureThreshold: 1, openFor: 700 }))
    call('failure')
    expect(breaker.probeAt).toBe(700)
  })

  it('applies to the probes in flight', () => {
    const { breaker, call, clock } = make({ failureThreshold: 1, openFor: 100, successThreshold: 3 })
    call('failure')
    clock.time = 100
    call('success')
    breaker.adopt(breakerPolicy({ failureThreshold: 1, openFor: 100, successThreshold: 2 }))
    call('success')
    expect(breaker.state).toBe('closed')
  })

  it('limits the wait for the next result of the outage under way', () => {
    const { breaker, call, clock, transitions } = make({ failureThreshold: 1, openFor: 100 })
    call('failure')
    clock.time = 100
    breaker.adopt(breakerPolicy({ failureThreshold: 1, openFor: 100, maxHalfOpenWait: 50 }))
    call('success')
    clock.time = 150
    expect(breaker.admits(150)).toBe(false)
    breaker.adopt(breakerPolicy({ failureThreshold: 1, openFor: 100, maxHalfOpenWait: 70 }))
    expect(transitions.at(-1)).toMatchObject({ to: 'open', reason: 'half-open-timeout' })
  })

  it('applies after a half-open deadline that has already passed', () => {
    const { breaker, call, clock, transitions } = make({
      failureThreshold: 1,
      openFor: 100,
      maxHalfOpenWait: 50,
    })
    call('failure')
    clock.time = 100
    breaker.tryAcquire(100)
    clock.time = 1_000
    breaker.adopt(breakerPolicy({ failureThreshold: 1, openFor: 100, maxHalfOpenWait: 5_000 }))
    expect(transitions.at(-1)).toMatchObject({ to: 'open', reason: 'half-open-timeout' })
  })
})

describe('when calls cannot go elsewhere', () => {
  it('opens only at `lastThreshold` failures', () => {
    const policy = { ...breakerPolicy({ failureThreshold: 3 }), lastThreshold: 5 }
    const { breaker, call } = make(policy, () => false)
    call('failure', 4)
    expect(breaker.state).toBe('closed')
    call('failure')
    expect(breaker.state).toBe('open')
  })

  it('the open time does not grow', () => {
    for (const [hasStandIn, second] of [
      [true, 200],
      [false, 100],
    ] as const) {
      const { breaker, call, clock } = make({ failureThreshold: 1, openFor: growing }, () => hasStandIn)
      call('failure')
      clock.time = 100
      call('failure')
      expect(breaker.probeAt).toBe(100 + second)
    }
  })
})

describe('with health checks', () => {
  it('the first probe waits while a health check replaces it', () => {
    let heldFor = 500
    const { breaker, call } = make({ failureThreshold: 1, openFor: 100 }, undefined, (at) => at + heldFor)
    call('failure')
    expect(breaker.probeAt).toBe(100)
    expect(breaker.admits(599)).toBe(false)
    expect(breaker.tryAcquire(599)).toBe(0)
    expect(breaker.admits(600)).toBe(true)
    heldFor = 0
    expect(breaker.tryAcquire(100)).toBeGreaterThan(0)
  })

  it('a failed health check after the open time opens it for another time, longer by one step', () => {
    const { breaker, call, transitions } = make({ failureThreshold: 1, openFor: growing })
    call('failure')
    breaker.probeFailed(99)
    expect(breaker.probeAt).toBe(100)
    breaker.probeFailed(100)
    expect(breaker.probeAt).toBe(300)
    breaker.probeFailed(300)
    expect(breaker.probeAt).toBe(700)
    expect(transitions).toHaveLength(1)
  })

  it('a health check changes nothing in half-open or while it is closed', () => {
    const { breaker, call, clock } = make({ failureThreshold: 1, openFor: growing, successThreshold: 1 })
    breaker.probeFailed(0)
    expect(breaker.state).toBe('closed')
    call('failure')
    clock.time = 100
    const permit = breaker.tryAcquire(100)
    breaker.probeFailed(100)
    expect(breaker.growth).toBe(1)
    breaker.settle(permit, 'success', 0, 100)
    expect(breaker.state).toBe('closed')
  })
})

describe('probes that hang, in a client', () => {
  const options = { ...breakerPolicy({ failureThreshold: 1, openFor: 100 }), waitsForProbes: false }
  const halfOpen = (hasStandIn?: () => boolean) => {
    const made = make({ ...options, probeTimeout: 20_000, maxHalfOpenWait: 100_000 }, hasStandIn)
    made.call('failure')
    made.clock.time = 100
    return { ...made, first: made.breaker.tryAcquire(100) }
  }

  it('another one is added after 1, 2 and 4 seconds', () => {
    const { breaker } = halfOpen(() => true)
    for (const at of [1_100, 3_100, 7_100]) {
      expect(breaker.admits(at - 1), `before ${at}`).toBe(false)
      expect(breaker.nextAdmit(at - 1)).toBe(at)
      expect(breaker.tryAcquire(at), `at ${at}`).toBeGreaterThan(0)
    }
  })

  it('they count when they end, and are no longer overdue', () => {
    const { breaker, first } = halfOpen(() => true)
    const second = breaker.tryAcquire(1_100)
    expect(breaker.settle(first, 'success', 1_100, 1_200)).toBe(1)
    expect(breaker.nextAdmit(1_200), 'the second has the slot, and one second from its start').toBe(2_100)
    expect(breaker.settle(second, 'success', 200, 1_300)).toBe(1)
    expect(breaker.admits(1_300)).toBe(true)
  })

  it('they lose their slot after `probeTimeout`, and are no longer counted', () => {
    const { breaker, first } = halfOpen(() => true)
    breaker.tryAcquire(15_000)
    expect(breaker.settle(first, 'success', 20_000, 20_100)).toBe(0)
    expect(breaker.nextAdmit(15_500)).toBe(16_000)
  })

  it('a standalone breaker waits for them', () => {
    const { breaker } = halfOpen()
    expect(breaker.nextAdmit(100)).toBe(20_100)
    expect(breaker.admits(20_099)).toBe(false)
    expect(breaker.tryAcquire(20_100)).toBeGreaterThan(0)
  })
})

describe('an instance that registers again', () => {
  it('gets the next call as a probe, whatever pause the server asked for', () => {
    const { breaker, call, clock } = make({ failureThreshold: 1, openFor: 10_000 })
    call('failure', 1, 0, 60_000)
    expect(breaker.admits(10)).toBe(false)
    breaker.probeNow(10)
    clock.time = 10
    expect(breaker.admits(10)).toBe(true)
    call('failure')
    expect(breaker.probeAt, 'the Retry-After is forgotten').toBe(10_010)
  })

  it('waits no longer than before', () => {
    const { breaker, call } = make({ failureThreshold: 1, openFor: 100 })
    call('failure')
    breaker.probeNow(5_000)
    expect(breaker.probeAt).toBe(100)
  })

  it('stays isolated by hand, and in half-open the probes in flight decide', () => {
    const isolated = make({})
    isolated.breaker.isolate()
    isolated.breaker.probeNow(10)
    expect(isolated.breaker.admits(10)).toBe(false)
    const { breaker, call, clock } = make({ failureThreshold: 1, openFor: 100, halfOpenProbes: 1 })
    call('failure')
    clock.time = 100
    breaker.tryAcquire(100)
    breaker.probeNow(100)
    expect(breaker.admits(100)).toBe(false)
  })
})

describe('what it reports', () => {
  it('`probeAt` is the end of an open time, and undefined otherwise', () => {
    const { breaker, call, clock } = make({ failureThreshold: 1, openFor: 100 })
    expect(breaker.probeAt, 'closed').toBeUndefined()
    call('failure')
    expect(breaker.probeAt, 'open').toBe(100)
    clock.time = 100
    breaker.tryAcquire(100)
    expect(breaker.probeAt, 'half-open').toBeUndefined()
    breaker.isolate()
    expect(breaker.probeAt, 'isolated').toBeUndefined()
    const dry = make({ failureThreshold: 1, dryRun: true })
    dry.call('failure')
    expect(dry.breaker.probeAt, 'a dry run').toBeUndefined()
  })

  it('whether the clock is needed: for slow calls, for a time window, and while it is not closed', () => {
    const plain = make({ failureThreshold: 1 })
    expect([plain.breaker.beginsUntimed, plain.breaker.endsUntimed]).toEqual([true, true])
    plain.call('failure')
    expect([plain.breaker.beginsUntimed, plain.breaker.endsUntimed]).toEqual([false, false])
    const rated = make({ failureRate: 0.5, window: { ms: 1_000 } }).breaker
    expect([rated.beginsUntimed, rated.endsUntimed]).toEqual([true, false])
    const timed = make({ slowCallRate: 0.5, slowCallDuration: 100, window: { calls: 10 } }).breaker
    expect([timed.beginsUntimed, timed.endsUntimed]).toEqual([false, false])
  })

  it('the counts are without results that have become too old', () => {
    const { breaker, call } = make({ failureRate: 0.9, minimumCalls: 100, window: { ms: 1_000 } })
    call('failure', 3)
    expect(breaker.counts(0)).toMatchObject({ calls: 3 })
    expect(breaker.counts(2_000)).toMatchObject({ calls: 0, failures: 0 })
  })

  it('an early attempt may go unless it is isolated', () => {
    const { breaker, call } = make({ failureThreshold: 1 })
    expect(breaker.admitsEarly).toBe(true)
    call('failure')
    expect(breaker.admitsEarly).toBe(true)
    breaker.isolate()
    expect(breaker.admitsEarly).toBe(false)
  })
})

describe('what is amended or reset', () => {
  it('an early success that failed later: the successes are counted from 0 again', () => {
    const { breaker, call } = make({ failureThreshold: 1, successThreshold: 3 })
    call('failure')
    const early = (): number => breaker.settle(EARLY, 'success', 0, 0)
    early()
    breaker.amend(EARLY, early(), 0)
    early()
    early()
    expect(breaker.state).toBe('open')
    early()
    expect(breaker.state).toBe('closed')
  })

  it('the success of a probe does not change the early successes', () => {
    const { breaker, call, clock } = make({ failureThreshold: 1, successThreshold: 3, openFor: 100 })
    call('failure')
    breaker.settle(EARLY, 'success', 0, 0)
    breaker.settle(EARLY, 'success', 0, 0)
    clock.time = 50
    breaker.amend(1, 1, 50)
    breaker.settle(EARLY, 'success', 0, 50)
    expect(breaker.state).toBe('closed')
  })

  it('`reset` forgets the growth of the open time, and the pause that a server asked for', () => {
    const { breaker, call } = make({ failureThreshold: 1, openFor: growing })
    call('failure', 1, 0, 60_000)
    expect([breaker.growth, breaker.probeAt]).toEqual([1, 60_000])
    breaker.reset()
    expect(breaker.growth).toBe(0)
    call('failure')
    expect(breaker.probeAt).toBe(100)
  })

  it('a restored growth replaces the current one, up to the longest open time', () => {
    const { breaker } = make({ failureThreshold: 1, openFor: growing })
    breaker.restoreGrowth(2)
    breaker.restoreGrowth(1)
    expect([breaker.growth, breaker.usualOpenTime(0)]).toEqual([1, 200])
    breaker.restoreGrowth(1_000)
    expect([breaker.growth, breaker.usualOpenTime(0)]).toEqual([5, 1_000])
  })
})
