import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createClient, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { collect } from '../support/events.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001' }
const b = { id: 'b', url: 'http://127.0.0.1:1002' }

const options = (clock: ManualClock): ClientOptions => ({
  service: 'user-service',
  source: fixed([a, b]),
  balance: inOrder,
  retry: false,
  breaker: { failureThreshold: 2, successThreshold: 1, openFor: 5000, rampFor: 0 },
  clock,
})

const boom = new Error('boom')
const fail = (): never => {
  throw boom
}
const ok = (): string => 'ok'

describe('the event', () => {
  it('breaker:open, breaker:half-open and breaker:close have the old state, the new state and the reason', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), source: fixed([a]) })
    const opened = collect(client, 'breaker:open')
    const halfOpened = collect(client, 'breaker:half-open')
    const closed = collect(client, 'breaker:close')
    await clock.advance(100)
    for (let call = 0; call < 2; call++) await client.execute(fail).catch(() => {})
    await clock.advance(5000)
    await client.execute(ok)
    const common = { service: 'user-service', instance: a }
    const none = { total: 1, available: 0, open: 0, probing: 0, paused: 0, draining: 0, full: 0 }
    expect(opened).toEqual([
      {
        ...common,
        at: 100,
        from: 'closed',
        to: 'open',
        reason: 'consecutive-failures',
        openFor: 5000,
        counts: { consecutive: 2 },
        error: boom,
        instances: { ...none, open: 1 },
      },
    ])
    expect(halfOpened).toEqual([
      {
        ...common,
        at: 5100,
        from: 'open',
        to: 'half-open',
        reason: 'open-elapsed',
        instances: { ...none, probing: 1 },
      },
    ])
    expect(closed).toEqual([
      {
        ...common,
        at: 5100,
        from: 'half-open',
        to: 'closed',
        reason: 'probes-succeeded',
        instances: { ...none, available: 1 },
      },
    ])
  })

  it('breaker:open names the route if the breaker is the route’s', async () => {
    await using client = createClient({
      ...options(new ManualClock()),
      routes: { 'POST /users': { breaker: { failureThreshold: 1 } } },
    })
    const opened = collect(client, 'breaker:open')
    await client.execute(fail, { route: 'POST /users' }).catch(() => {})
    expect(opened).toMatchObject([{ route: 'POST /users', instance: a }])
  })

  it('attempt reports how each try ended', async () => {
    const clock = new ManualClock()
    await using client = createClient(options(clock))
    const attempts = collect(client, 'attempt')
    await client.ready()
    const slow = client.execute(async () => {
      await clock.sleep(30)
      return 'ok'
    })
    await clock.advance(30)
    await slow
    await client.execute(fail, { route: 'GET /users' }).catch(() => {})
    await client.execute(() => new Response(null, { status: 429 }))
    const id: unknown = expect.any(String)
    const common = { service: 'user-service', at: 30, id, whose: 'instance', instance: a, attempt: 1 }
    expect(attempts).toEqual([
      { ...common, outcome: 'success', duration: 30 },
      { ...common, outcome: 'failure', duration: 0, route: 'GET /users', error: boom },
      { ...common, outcome: 'overload', duration: 0, status: 429 },
    ])
  })

  it('call:retry reports what failed, and how long the call waits', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), retry: { attempts: 2, backoff: 100 } })
    const retries = collect(client, 'call:retry')
    const call = client.execute(({ id }) => (id === 'a' ? fail() : id), { route: 'GET /users' })
    await clock.advance(100)
    expect(await call).toBe('b')
    expect(retries).toEqual([
      {
        service: 'user-service',
        at: 0,
        id: expect.any(String),
        instance: a,
        attempt: 1,
        delay: expect.closeTo(50, -2),
        route: 'GET /users',
        error: boom,
      },
    ])
    expect(retries[0]?.delay).toBeLessThanOrEqual(100)
  })

  it('call:rejected contains the error of the client', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), source: fixed([a]) })
    const rejected = collect(client, 'call:rejected')
    for (let call = 0; call < 2; call++) await client.execute(fail).catch(() => {})
    await clock.advance(2000)
    const error: unknown = await client.execute(ok, { route: 'GET /users' }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN', retryAfter: 3000 })
    const id: unknown = expect.any(String)
    expect(rejected).toEqual([{ service: 'user-service', at: 2000, id, route: 'GET /users', error }])
  })

  it('an error of the client names the service, the states of the instances and the last failure', async () => {
    const clock = new ManualClock()
    await using client = createClient(options(clock))
    for (let call = 0; call < 4; call++) await client.execute(fail).catch(() => {})
    const error: unknown = await client.execute(ok, { route: 'GET /users' }).catch((error: unknown) => error)
    expect(error).toMatchObject({
      service: 'user-service',
      route: 'GET /users',
      instances: { total: 2, open: 2, available: 0 },
      cause: boom,
    })
    expect((error as Error).message).toContain('user-service (GET /users)')
    expect((error as Error).message).toContain('2 instances: 2 open')
  })

  it('instance:paused reports a Retry-After, and breaker:open the last status', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), breaker: { failureThreshold: 1 } })
    const paused = collect(client, 'instance:paused')
    const opened = collect(client, 'breaker:open')
    const busy = new Response(null, { status: 503, headers: { 'retry-after': '7' } })
    await client.execute(() => busy)
    await client.execute(() => new Response(null, { status: 500 }))
    expect(paused).toMatchObject([{ instance: a, pauseFor: 7000, status: 503 }])
    expect(opened).toMatchObject([{ instance: b, status: 500, instances: { total: 2, open: 1, paused: 1 } }])
  })

  it('instance:ejected reports why an instance was ejected', async () => {
    const clock = new ManualClock()
    await using client = createClient({
      ...options(clock),
      breaker: { failureThreshold: 1000 },
      balance: (endpoints, { attempt }) => endpoints[attempt % 2],
      outliers: { interval: 1000, failureShare: 0.5, minimumHosts: 2, minimumCalls: 5 },
    })
    const ejected = collect(client, 'instance:ejected')
    for (let call = 0; call < 6; call++) await client.execute(fail).catch(() => {})
    await clock.advance(1000)
    await client.execute(fail).catch(() => {})
    expect(ejected).toMatchObject([{ instance: b, ejectFor: 30_000, calls: 7, successes: 0 }])
  })

  it('instance:added, instance:changed and instance:removed follow the source', async () => {
    const source = new HandSource()
    await using client = createClient({ ...options(new ManualClock()), source })
    const added = collect(client, 'instance:added')
    const changed = collect(client, 'instance:changed')
    const removed = collect(client, 'instance:removed')
    source.push(a)
    await client.ready()
    source.push({ ...a, weight: 2 }, b)
    source.push(b)
    await until(() => removed.length > 0)
    const common = { service: 'user-service', at: 0 }
    expect(added).toEqual([
      { ...common, instance: a },
      { ...common, instance: b },
    ])
    expect(changed).toEqual([{ ...common, instance: { ...a, weight: 2 }, previous: a, changes: ['weight'] }])
    expect(removed).toEqual([{ ...common, instance: { ...a, weight: 2 } }])
  })

  it('source:stale and source:recovered are emitted once per outage', async () => {
    const clock = new ManualClock()
    const source = new HandSource()
    await using client = createClient({ ...options(clock), source })
    const stale = collect(client, 'source:stale')
    const recovered = collect(client, 'source:recovered')
    source.push(a, b)
    await client.ready()
    source.fail(boom)
    source.fail(new Error('again'))
    await until(() => stale.length > 0)
    expect(client.snapshot().stale).toBe(true)
    await clock.advance(120_000)
    await until(() => source.watches >= 3)
    source.push(a)
    await until(() => recovered.length > 0)
    expect(stale).toEqual([{ service: 'user-service', at: 0, error: boom, instances: 2 }])
    expect(recovered).toHaveLength(1)
    expect(recovered[0]).toMatchObject({ service: 'user-service', at: 120_000, staleFor: 120_000 })
    expect(client.snapshot().stale).toBe(false)
  })

  it('source:invalid names what was left out, and why', async () => {
    const source = new HandSource()
    await using client = createClient({ ...options(new ManualClock()), source })
    const invalid = collect(client, 'source:invalid')
    source.pushRaw([a, { id: 'c' }])
    await client.ready()
    expect(invalid).toEqual([
      {
        service: 'user-service',
        at: 0,
        rejected: [{ entry: { id: 'c' }, reason: expect.stringContaining('url') as string }],
      },
    ])
  })

  it('has Unix time with the system’s clock', async () => {
    const { clock: _clock, ...rest } = options(new ManualClock())
    await using client = createClient(rest)
    const attempts = collect(client, 'attempt')
    const before = Date.now()
    await client.execute(ok)
    expect(attempts[0]?.at).toBeGreaterThanOrEqual(before - 1000)
    expect(attempts[0]?.at).toBeLessThanOrEqual(Date.now() + 1000)
  })
})

describe('a listener', () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => {
    warnings.push(warning)
  }
  beforeEach(() => {
    warnings.length = 0
    process.on('warning', onWarning)
  })
  afterEach(() => {
    process.off('warning', onWarning)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    ['rejects', () => Promise.reject(new Error('listener'))],
    [
      'throws what is no error',
      () => {
        throw undefined
      },
    ],
    [
      'throws what cannot be printed',
      () => {
        throw Object.create(null)
      },
    ],
  ])('that %s has no effect on the call, the state or other listeners', async (_name, bad) => {
    await using client = createClient(options(new ManualClock()))
    client.on('attempt', bad).on('breaker:open', bad).on('instance:added', bad).on('call:rejected', bad)
    const attempts = collect(client, 'attempt')
    expect(await client.execute(ok)).toBe('ok')
    for (let call = 0; call < 2; call++) await expect(client.execute(fail)).rejects.toBe(boom)
    expect(attempts).toHaveLength(3)
    expect(client.snapshot().instances[0]?.breaker).toBe('open')
    expect(await client.execute(({ id }) => id)).toBe('b')
    await until(() => warnings.length > 0)
    expect(warnings[0]).toMatchObject({ code: 'OUTRIGGER_LISTENER' })
  })

  it('that removes all listeners, including itself, has no effect on the call', async () => {
    await using client = createClient(options(new ManualClock()))
    const later = vi.fn<() => void>()
    client.on('breaker:open', () => client.off('breaker:open').off('attempt'))
    client.on('breaker:open', later).on('attempt', later)
    for (let call = 0; call < 4; call++)
      await client.execute(({ id }) => (id === 'a' ? fail() : id)).catch(() => {})
    expect(client.snapshot().instances.map(({ breaker }) => breaker)).toEqual(['open', 'closed'])
    expect(await client.execute(({ id }) => id)).toBe('b')
  })

  it('may make a call or close the client', async () => {
    await using client = createClient(options(new ManualClock()))
    const inner: unknown[] = []
    client.once('breaker:open', async () => {
      inner.push(await client.execute(({ id }) => id))
      await client.close()
    })
    for (let call = 0; call < 2; call++) await client.execute(fail).catch(() => {})
    await until(() => inner.length > 0)
    expect(inner).toEqual(['b'])
    await expect(client.execute(ok)).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CLOSED' })
  })

  it('sees the state that the event reports', async () => {
    await using client = createClient(options(new ManualClock()))
    const states: unknown[] = []
    client.on('breaker:open', () => states.push(client.snapshot().instances[0]?.breaker))
    for (let call = 0; call < 2; call++) await client.execute(fail).catch(() => {})
    expect(states).toEqual(['open'])
  })

  it('of once() is called once, and a removed one never', async () => {
    await using client = createClient(options(new ManualClock()))
    const once = vi.fn<() => void>()
    const off = vi.fn<() => void>()
    expect(client.once('attempt', once).on('attempt', off).off('attempt', off)).toBe(client)
    await client.execute(ok)
    await client.execute(ok)
    expect(once).toHaveBeenCalledTimes(1)
    expect(off).not.toHaveBeenCalled()
  })

  it('must be a function', async () => {
    await using client = createClient(options(new ManualClock()))
    expect(() => client.on('attempt', undefined as never)).toThrow(TypeError)
    await sleep(0)
  })
})
