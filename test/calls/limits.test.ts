import { describe, expect, it } from 'vitest'
import {
  createClient,
  fixed,
  LimitExceededError,
  ThrottledError,
  type Client,
  type ClientOptions,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { hang, ok, startServer } from '../support/http-server.ts'

function simulated(options: Partial<ClientOptions>): { users: Client; clock: ManualClock } {
  const clock = new ManualClock()
  const source = fixed(['http://a.invalid', 'http://b.invalid'])
  return { users: createClient({ service: 'svc', source, clock, retry: false, ...options }), clock }
}

/** A call that lasts `ms`. */
function work(users: Client, clock: ManualClock, ms: number, options: object = {}): Promise<string> {
  return users.execute(() => clock.sleep(ms).then(() => 'done'), options)
}

const full = expect.objectContaining({ name: 'LimitExceededError', code: 'ERR_OUTRIGGER_LIMIT' })

describe('a limit', () => {
  it('refuses a call without a free place: no instance counts it, and there is an event', async () => {
    const { users, clock } = simulated({ limit: 2 })
    const rejected: unknown[] = []
    users.on('call:rejected', ({ error }) => rejected.push(error))
    const calls = [work(users, clock, 10), work(users, clock, 10)]
    const refused = work(users, clock, 10)
    await expect(refused).rejects.toEqual(full)
    await expect(refused).rejects.toBeInstanceOf(LimitExceededError)
    await clock.advance(10)
    expect(await Promise.all(calls)).toEqual(['done', 'done'])
    expect(rejected).toHaveLength(1)
    const settled = users.snapshot().instances.map((instance) => instance.settled)
    expect(settled.reduce((sum, { success }) => sum + success, 0)).toBe(2)
    expect(settled.every(({ failure, ignored }) => failure + ignored === 0)).toBe(true)
  })

  it('names the service, the route and the states of the instances in its error', async () => {
    const { users, clock } = simulated({
      breaker: { failureThreshold: 1, openFor: 60_000 },
      routes: { 'GET /reports': { limit: { max: 1, queue: 1 } }, 'GET /other': {} },
    })
    await users.ready()
    await users.execute(() => Promise.reject(new Error('boom'))).catch(() => {})
    const first = work(users, clock, 10, { route: 'GET /reports', priority: 'sheddable' })
    const queued = work(users, clock, 10, { route: 'GET /reports', priority: 'sheddable' })
    const about = {
      name: 'LimitExceededError',
      service: 'svc',
      route: 'GET /reports',
      instances: { total: 2, available: 1, open: 1, probing: 0, paused: 0, draining: 0, full: 0 },
      retryAfter: expect.any(Number) as number,
    }
    const evicted = expect(queued).rejects.toMatchObject({
      ...about,
      message: expect.stringMatching(
        /^svc \(GET \/reports\): routes\['GET \/reports'\]\.limit: no room for a sheddable call, 1 of 1 in flight, .*\(2 instances: 1 available, 1 open\)$/,
      ) as string,
    })
    // It takes the place of the one that matters less.
    const third = work(users, clock, 10, { route: 'GET /reports', priority: 'critical' })
    await evicted
    await expect(work(users, clock, 10, { route: 'GET /reports' })).rejects.toMatchObject(about)
    // Another route is not concerned.
    const other = work(users, clock, 10, { route: 'GET /other' })
    await clock.advance(10)
    await clock.advance(10)
    expect(await Promise.all([first, third, other])).toEqual(['done', 'done', 'done'])
  })

  it('lets calls wait in its queue, and the wait counts towards their deadline', async () => {
    const { users, clock } = simulated({ limit: { max: 1, queue: 2 }, timeout: 50 })
    const first = work(users, clock, 30)
    const second = work(users, clock, 15)
    const third = expect(work(users, clock, 15)).rejects.toMatchObject({ name: 'TimeoutError' })
    await clock.advance(50)
    expect(await first).toBe('done')
    expect(await second).toBe('done')
    await third
    expect(await Promise.all([work(users, clock, 0), clock.advance(1)])).toContain('done')
  })

  it('gives the place of a call that leaves the queue to the next one', async () => {
    const { users, clock } = simulated({ limit: { max: 1, queue: 2 } })
    const controller = new AbortController()
    const first = work(users, clock, 10)
    const impatient = expect(work(users, clock, 10, { signal: controller.signal })).rejects.toThrow('enough')
    const third = work(users, clock, 10)
    controller.abort(new Error('enough'))
    await impatient
    await clock.advance(20)
    expect(await Promise.all([first, third])).toEqual(['done', 'done'])
  })

  it('refuses calls of the lowest priority first', async () => {
    const { users, clock } = simulated({
      limit: { max: 1, queue: 1 },
      routes: { 'GET /report': { priority: 'sheddable' } },
    })
    const running = work(users, clock, 10)
    const shed = expect(work(users, clock, 10, { route: 'GET /report' })).rejects.toEqual(full)
    const critical = work(users, clock, 10, { priority: 'critical' })
    await shed
    await clock.advance(20)
    expect(await Promise.all([running, critical])).toEqual(['done', 'done'])
  })

  it('of a route applies in addition to the client’s, and false turns off both', async () => {
    const { users, clock } = simulated({
      limit: 3,
      routes: { 'GET /narrow': { limit: 1 }, 'GET /free': { limit: false } },
    })
    const narrow = (): Promise<string> => work(users, clock, 10, { route: 'GET /narrow' })
    const free = (): Promise<string> => work(users, clock, 10, { route: 'GET /free' })
    const good = [narrow(), work(users, clock, 10), work(users, clock, 10), free(), free()]
    await expect(narrow()).rejects.toEqual(full)
    await expect(work(users, clock, 10)).rejects.toEqual(full)
    await clock.advance(10)
    expect(await Promise.all(good)).toEqual(Array(5).fill('done'))
    const again = [narrow(), work(users, clock, 10), work(users, clock, 10)]
    await clock.advance(10)
    expect(await Promise.all(again), 'refusals keep no place').toEqual(Array(3).fill('done'))
  })

  it('per instance changes which instance is picked, and refuses calls if all are full', async () => {
    const { users, clock } = simulated({ limit: { perInstance: 2 }, balance: (endpoints) => endpoints[0] })
    await users.ready()
    const calls = Array.from({ length: 4 }, () => work(users, clock, 10))
    expect(users.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([2, 2])
    await expect(work(users, clock, 10)).rejects.toThrow(/every instance of svc has 2 attempts in flight/)
    await clock.advance(10)
    expect(await Promise.all(calls)).toEqual(Array(4).fill('done'))
  })

  it('per instance prevents a hedge if all other instances are full', async () => {
    const { users, clock } = simulated({
      limit: { perInstance: 2 },
      hedge: { after: 5 },
      routes: { 'GET /b': { hedge: false } },
      balance: (endpoints, { route }) => endpoints.at(route ? -1 : 0),
    })
    await users.ready()
    const hedges: unknown[] = []
    users.on('call:hedge', (event) => hedges.push(event))
    const full = [1, 2].map(() => work(users, clock, 20, { route: 'GET /b' }))
    const call = work(users, clock, 20)
    await clock.advance(20)
    expect(await Promise.all([...full, call])).toEqual(['done', 'done', 'done'])
    expect(hedges).toEqual([])
  })

  it('shows its use in the snapshot, and that of each route with a limit', async () => {
    const { users, clock } = simulated({
      limit: { max: 2, queue: 5, perInstance: 9 },
      routes: { 'GET /narrow': { limit: 'adaptive' }, 'GET /wide': {} },
    })
    await users.ready()
    const calls = Array.from({ length: 3 }, () => work(users, clock, 10))
    expect(users.snapshot()).toMatchObject({
      limit: { limit: 2, inFlight: 2, queued: 1 },
      routeLimits: { 'GET /narrow': { limit: 20, inFlight: 0, queued: 0 } },
    })
    expect(Object.keys(users.snapshot().routeLimits ?? {})).toEqual(['GET /narrow'])
    await clock.advance(20)
    await Promise.all(calls)
    expect(simulated({}).users.snapshot()).not.toHaveProperty('limit')
  })

  it('gets all places back, however calls end', async () => {
    await using server = await startServer(hang, ok)
    const users = createClient({
      service: 'svc',
      source: fixed([server.url]),
      limit: 1,
      retry: false,
      timeout: 5_000,
    })
    await users.ready()
    const controller = new AbortController()
    const call = users('/x', { signal: controller.signal })
    await server.seen(1)
    await expect(users('/x')).rejects.toEqual(full)
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    for (let i = 0; i < 3; i++) await (await users('/x')).text()
    await users.close()
  })

  it.each<[unknown, RegExp]>([
    [0, /limit\.max must be an integer >= 1, got 0/],
    [{ max: 2, que: 1 }, /limit\.que is not an option/],
    [{ perInstance: 0 }, /limit\.perInstance must be an integer >= 1, got 0/],
    ['auto', /limit\.max must be a number or 'adaptive', got 'auto'/],
  ])('%j is refused', (limit, message) => {
    expect(() => simulated({ limit: limit as ClientOptions['limit'] & {} })).toThrow(message)
  })
})

it('an adaptive limit finds the number of calls that a server can handle', { timeout: 30_000 }, async () => {
  const { users, clock } = simulated({ limit: 'adaptive', breaker: false, timeout: false })
  let inFlight = 0
  let most = 0
  // Up to ten at a time take 20 ms each; beyond that they wait for each other.
  const run = async (): Promise<void> => {
    inFlight++
    most = Math.max(most, inFlight)
    await clock.sleep(20 * Math.max(1, inFlight / 10))
    inFlight--
  }
  let refused = 0
  for (let i = 0; i < 20_000; i++) {
    if (i === 15_000) most = 0
    void users.execute(run).catch(() => refused++)
    await clock.advance(1)
  }
  expect(refused).toBeGreaterThan(0)
  expect(most).toBeGreaterThanOrEqual(8)
  expect(most).toBeLessThanOrEqual(40)
})

it('a throttle counts a failed request as accepted by the server', async () => {
  const { users } = simulated({ throttle: { k: 2 }, breaker: false })
  for (let i = 0; i < 300; i++) await users.execute(() => ({ status: i % 10 === 0 ? 429 : 500 }))
  for (let i = 0; i < 20; i++) await users.execute(() => Promise.reject(new Error('no answer'))).catch(String)
  expect(await users.execute(() => 'sent')).toBe('sent')
})

it('a throttle refuses calls with our error instead of sending what the server would refuse', async () => {
  const { users, clock } = simulated({ throttle: { k: 2, window: 10_000 }, breaker: false })
  let sent = 0
  let taken = 0
  let takenAt = -Infinity
  // The service takes one call in 100 ms, a tenth of what is asked of it.
  const run = (): { status: number } => {
    sent++
    if (clock.now() - takenAt < 100) return { status: 429 }
    takenAt = clock.now()
    taken++
    return { status: 200 }
  }
  const errors: unknown[] = []
  for (let i = 0; i < 3_000; i++) {
    if (i === 1_000) sent = taken = 0
    await users.execute(run).catch((error: unknown) => errors.push(error))
    await clock.advance(10)
  }
  expect(errors.every((error) => error instanceof ThrottledError)).toBe(true)
  // k = 2 calls are sent for each that is taken; unthrottled it would be ten or more.
  expect(sent / taken).toBeGreaterThan(1.5)
  expect(sent / taken).toBeLessThan(3)
})
