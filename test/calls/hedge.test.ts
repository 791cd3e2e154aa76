import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { Hedge } from '../../src/retry/hedge.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { echo, hang, ok, reply, startServer } from '../support/http-server.ts'

/** On a standing clock: the first try goes to a, the hedges to b and c. */
function simulated(options: Partial<ClientOptions> = {}): {
  users: Client
  clock: ManualClock
  events: string[]
} {
  const clock = new ManualClock()
  const users = createClient({
    service: 'svc',
    source: fixed(['http://a.invalid', 'http://b.invalid', 'http://c.invalid']),
    clock,
    retry: false,
    balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
    hedge: { after: 50 },
    ...options,
  })
  const events: string[] = []
  users.on('call:hedge', ({ instance, attempt, after }) =>
    events.push(`${instance.id} #${attempt} after ${after}`),
  )
  return { users, clock, events }
}

/** Answers after so many ms; 'never' does not. */
function servers(clock: ManualClock, times: Record<string, number | 'never' | Error>) {
  const seen: string[] = []
  const aborted: string[] = []
  const run = ({ id }: { id: string }, { signal }: { signal: AbortSignal }): Promise<string> => {
    const name = id.slice(0, 1)
    seen.push(name)
    signal.addEventListener('abort', () => aborted.push(name))
    const time = times[name]
    if (time instanceof Error) return Promise.reject(time)
    if (time === 'never' || time === undefined) return new Promise(() => {})
    return clock.sleep(time).then(() => name)
  }
  return { run, seen, aborted }
}

const settled = (users: Client): Record<string, number>[] =>
  users.snapshot().instances.map(({ settled: { success, failure, ignored } }) => ({
    success,
    failure,
    ignored,
  }))

describe('a hedge', () => {
  it('is started on another instance beside a slow try: the first good response wins, the other counts as ignored', async () => {
    const { users, clock, events } = simulated()
    const { run, seen, aborted } = servers(clock, { a: 'never', b: 10 })
    const call = users.execute(run)
    await clock.advance(49)
    expect(seen).toEqual(['a'])
    await clock.advance(11)
    expect(await call).toBe('b')
    expect(seen).toEqual(['a', 'b'])
    expect(aborted).toEqual(['a'])
    expect(events).toEqual(['a.invalid:80 #1 after 50'])
    expect(settled(users)).toEqual([
      { success: 0, failure: 0, ignored: 1 },
      { success: 1, failure: 0, ignored: 0 },
      { success: 0, failure: 0, ignored: 0 },
    ])
    expect(users.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
  })

  it('is cancelled if the first try responds after all', async () => {
    const { users, clock } = simulated()
    const { run, aborted } = servers(clock, { a: 60, b: 'never' })
    const call = users.execute(run)
    await clock.advance(60)
    expect(await call).toBe('a')
    expect(aborted).toEqual(['b'])
  })

  it('is not sent beside a fast try, and leaves no timer', async () => {
    const { users, clock, events } = simulated({ timeout: false })
    const { run, seen } = servers(clock, { a: 49 })
    const call = users.execute(run)
    await clock.advance(49)
    expect(await call).toBe('a')
    expect(clock.timers).toBe(0)
    await clock.advance(1_000)
    expect(seen).toEqual(['a'])
    expect(events).toEqual([])
  })

  it('that fails does not end the call while another try is under way: the last failure does', async () => {
    const { users, clock } = simulated()
    const late = servers(clock, { a: 200, b: new Error('b is broken') })
    const call = users.execute(late.run)
    await clock.advance(200)
    expect(await call).toBe('a')
    const broken = servers(clock, { a: 'never', b: new Error('b is broken') })
    const { users: bounded, clock: time } = simulated({
      timeout: { attempt: 100 },
    })
    const failing = expect(bounded.execute(broken.run)).rejects.toThrow(/did not answer within 100 ms/)
    await time.advance(100)
    await failing
  })

  it('is sent up to max times, each on another instance', async () => {
    const { users, clock, events } = simulated({
      hedge: { after: 50, max: 2 },
    })
    const { run, seen, aborted } = servers(clock, {
      a: 'never',
      b: 'never',
      c: 5,
    })
    const call = users.execute(run)
    await clock.advance(105)
    expect(await call).toBe('c')
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(aborted).toEqual(['a', 'b'])
    expect(events).toHaveLength(2)
  })

  it('is reported as a hedge even if the first try has failed before it starts', async () => {
    const { users, clock, events } = simulated({ hedge: { after: 50, max: 2 } })
    const attempts: unknown[] = []
    users.on('attempt', ({ instance, hedge }) => attempts.push([instance.id.slice(0, 1), hedge ?? false]))
    const counts: unknown[] = []
    users.on('call', (event) => counts.push([event.attempts, event.hedges]))
    const call = users.execute(async ({ id }) => {
      await clock.sleep(id.startsWith('b') ? 1_000 : 70)
      if (id.startsWith('a')) throw new Error('a is broken')
      return id.slice(0, 1)
    })
    await clock.advance(170)
    expect(await call).toBe('c')
    expect(events).toHaveLength(2)
    expect(attempts).toEqual([
      ['a', false],
      ['c', true],
      ['b', true],
    ])
    expect(counts).toEqual([[3, 2]])
  })

  it('is not sent when there is no other instance', async () => {
    const { users, clock, events } = simulated({
      source: fixed(['http://a.invalid']),
    })
    const { run, seen } = servers(clock, { a: 500 })
    const call = users.execute(run)
    await clock.advance(500)
    expect(await call).toBe('a')
    expect(seen).toEqual(['a'])
    expect(events).toEqual([])
  })

  it('is withdrawn from the budget that retries use too', async () => {
    const { users, clock, events } = simulated({
      budget: { ratio: 0, minPerSecond: 0.3 },
    })
    for (let i = 0; i < 6; i++) {
      const { run } = servers(clock, { a: 100, b: 'never' })
      const call = users.execute(run)
      await clock.advance(100)
      expect(await call).toBe('a')
    }
    expect(events, 'three in ten seconds').toHaveLength(3)
  })

  it('is sent only if the operation may be repeated', async () => {
    const { users, clock, events } = simulated()
    const { run, seen } = servers(clock, { a: 100 })
    const call = users.execute(run, { idempotent: false })
    await clock.advance(100)
    expect(await call).toBe('a')
    expect(seen).toEqual(['a'])
    expect(events).toEqual([])
  })

  it('ends with the call, at its deadline or its caller’s abort', async () => {
    const { users, clock } = simulated({ timeout: { total: 100 } })
    const { run, aborted } = servers(clock, { a: 'never', b: 'never' })
    const timedOut = expect(users.execute(run)).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    await clock.advance(100)
    await timedOut
    expect(aborted).toEqual(['a', 'b'])
    const controller = new AbortController()
    const other = servers(clock, { a: 'never', b: 'never' })
    const call = expect(users.execute(other.run, { signal: controller.signal })).rejects.toThrow('enough')
    await clock.advance(60)
    controller.abort(new Error('enough'))
    await call
    expect(other.aborted).toEqual(['a', 'b'])
    expect(users.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
  })
})

describe('a hedge over HTTP', () => {
  it('sends the body again to another instance, and frees the connection of the slower try', async () => {
    await using slow = await startServer(hang)
    await using fast = await startServer(echo)
    const users = createClient({
      service: 'svc',
      source: fixed([slow.url, fast.url]),
      balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
      routes: {
        'PUT /x': { hedge: { after: 20 } },
        'POST /marked': { hedge: { after: 20 }, idempotent: true },
      },
    })
    const response = await users('/x', {
      method: 'PUT',
      body: new Uint8Array([1, 2, 3]),
    })
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([1, 2, 3])
    const marked = await users('/marked', { method: 'POST', body: 'again' })
    expect(await marked.text()).toBe('again')
    expect(slow.requests).toEqual(['PUT /x', 'POST /marked'])
    await expect.poll(() => slow.open).toBe(0)
    await users.close()
  })

  it('is not sent for a POST that is not marked as idempotent', async () => {
    await using slow = await startServer((_request, response) => setTimeout(() => response.end('slow'), 80))
    await using other = await startServer(ok)
    const users = createClient({
      service: 'svc',
      source: fixed([slow.url, other.url]),
      balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
      hedge: { after: 10 },
    })
    expect(await (await users('/x', { method: 'POST', body: 'once' })).text()).toBe('slow')
    expect(other.requests).toEqual([])
    await users.close()
  })

  it('gives the caller a good response rather than a fast failure', async () => {
    const hedged = Promise.withResolvers<void>()
    const failed = Promise.withResolvers<void>()
    await using failing = await startServer(async (request, response) => {
      await hedged.promise
      response.once('finish', failed.resolve)
      reply(503)(request, response)
    })
    await using good = await startServer(async (_request, response) => {
      hedged.resolve()
      await failed.promise
      await sleep(20)
      response.end('good')
    })
    const users = createClient({
      service: 'svc',
      source: fixed([failing.url, good.url]),
      balance: (endpoints, request) => endpoints.find((endpoint) => !request.excluded(endpoint)),
      hedge: { after: 10 },
      retry: false,
    })
    const response = await users('/x')
    expect([response.status, await response.text()]).toEqual([200, 'good'])
    await users.close()
  })
})

describe('the delay of a hedge', () => {
  it('by percentile needs a number of results first, and then follows the latency', async () => {
    const clock = new ManualClock()
    const hedge = new Hedge({ after: { percentile: 0.9 } }, clock)
    for (let i = 0; i < 49; i++) hedge.observe(i < 45 ? 10 : 1_000)
    expect(hedge.delay()).toBeUndefined()
    hedge.observe(10)
    expect(hedge.delay()).toBeGreaterThanOrEqual(10)
    expect(hedge.delay()).toBeLessThan(11)
    for (let i = 0; i < 50; i++) hedge.observe(1_000)
    expect(hedge.delay()).toBeGreaterThanOrEqual(1_000)
  })

  it.each<[object, RegExp]>([
    [{ after: -1 }, /hedge\.after must be a number >= 0, got -1/],
    [{ after: '99%' }, /hedge\.after must be a number of milliseconds or \{ percentile \}, got '99%'/],
    [{ after: { percentile: 99 } }, /hedge\.after\.percentile must be a number > 0 and <= 1, got 99/],
    [{ max: 0 }, /hedge\.max must be an integer >= 1, got 0/],
    [{ delay: 5 }, /hedge\.delay is not an option/],
  ])('refuses %j', (options, message) => {
    expect(() => new Hedge(options, new ManualClock())).toThrow(message)
  })
})
