import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { request } from 'undici'
import { createClient, fixed, type ClientOptions } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { collect } from '../support/events.ts'
import { reply, startServer } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001' }
const b = { id: 'b', url: 'http://127.0.0.1:1002' }
const boom = new Error('boom')
const fail = (): never => {
  throw boom
}

const options = (clock: ManualClock): ClientOptions => ({
  service: 'svc',
  source: fixed([a, b]),
  balance: inOrder,
  clock,
})

describe('the event call', () => {
  it('reports the durations of its phases', async () => {
    const clock = new ManualClock()
    const source = new HandSource()
    await using client = createClient({
      ...options(clock),
      source,
      limit: { max: 1, queue: 1 },
      retry: { attempts: 2, backoff: { initial: 100, factor: 1 } },
    })
    const calls = collect(client, 'call')
    const first = client.execute(async () => clock.sleep(50))
    const second = client.execute(
      async ({ id }) => {
        await clock.sleep(10)
        return id === 'a' ? fail() : id
      },
      { route: 'GET /x' },
    )
    await clock.advance(20)
    source.push(a, b)
    await clock.advance(500)
    await Promise.all([first, second])
    expect(calls).toHaveLength(2)
    expect(calls[0]).toMatchObject({ discovery: 20, queue: 0, backoff: 0, attempts: 1, duration: 70 })
    const [, told] = calls
    expect(told).toMatchObject({
      service: 'svc',
      id: expect.any(String),
      door: 'execute',
      route: 'GET /x',
      outcome: 'success',
      instance: b,
      attempts: 2,
      hedges: 0,
      discovery: 20,
      queue: 50,
    })
    expect(told?.backoff).toBeGreaterThan(0)
    expect(told?.duration).toBeCloseTo(20 + 50 + 20 + told!.backoff, 5)
    expect(told).not.toHaveProperty('connect')
  })

  it('has the same id as all other events of its call', async () => {
    await using client = createClient({ ...options(new ManualClock()), retry: { attempts: 2, backoff: 0 } })
    const ids: string[] = []
    for (const name of ['attempt', 'call:retry', 'call', 'call:end'] as const) {
      client.on(name, ({ id }) => ids.push(id))
    }
    await client.execute(({ id }) => (id === 'a' ? fail() : id))
    expect(ids).toHaveLength(5)
    expect(new Set(ids).size).toBe(1)
    await client.execute(() => 1)
    expect(new Set(ids).size).toBe(2)
  })

  it.each([
    ['budget', { budget: { ratio: 0, minPerSecond: 0 } }],
    ['breaker', { source: fixed([a]), breaker: { failureThreshold: 1 } }],
  ])('reports that the %s forbade a retry', async (denied, more) => {
    await using client = createClient({ ...options(new ManualClock()), ...more })
    const calls = collect(client, 'call')
    await client.execute(fail).catch(() => {})
    expect(calls).toMatchObject([
      { outcome: 'failure', error: boom, attempts: 1, retriesDenied: denied, instance: a },
    ])
  })

  it('has different outcomes for refusals, deadlines and aborts', async () => {
    const clock = new ManualClock()
    await using client = createClient({ ...options(clock), source: fixed([]), timeout: 100 })
    const calls = collect(client, 'call')
    await client.execute(() => 1).catch(() => {})
    const hanging = { ...options(clock), timeout: 100 }
    await using other = createClient(hanging)
    other.on('call', (event) => calls.push(event))
    const late = other.execute(() => new Promise(() => {})).catch(() => {})
    const deadline = clock.now() + 50
    const caller = other.execute(() => new Promise(() => {}), { deadline }).catch(() => {})
    const controller = new AbortController()
    const { signal } = controller
    const given = other.execute(() => new Promise(() => {}), { signal }).catch(() => {})
    const already = other.execute(() => 1, { signal: AbortSignal.abort() }).catch(() => {})
    await clock.advance(10)
    controller.abort()
    await clock.advance(100)
    await Promise.all([late, caller, given, already])
    const told = calls.map(({ outcome, deadline: which, attempts }) => ({ outcome, which, attempts }))
    expect(told).toEqual([
      { outcome: 'refused', which: undefined, attempts: 0 },
      { outcome: 'aborted', which: undefined, attempts: 0 },
      { outcome: 'aborted', which: undefined, attempts: 1 },
      { outcome: 'timeout', which: 'caller', attempts: 1 },
      { outcome: 'timeout', which: 'total', attempts: 1 },
    ])
  })

  it('shows a path without its query, or what redactPath returns', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const source = fixed([server.url])
    await using plain = createClient({ service: 'svc', source })
    await using hidden = createClient({ service: 'svc', source, redactPath: () => undefined })
    await using own = createClient({ service: 'svc', source, redactPath: (path) => path.slice(0, 6) })
    const broken = (): never => fail()
    await using wrong = createClient({ service: 'svc', source, redactPath: broken })
    const paths: unknown[] = []
    for (const client of [plain, hidden, own, wrong]) {
      client.on('call', ({ path }) => paths.push(path))
      await (await client('/users/42?token=secret')).text()
    }
    expect(paths).toEqual(['/users/42', undefined, '/users', undefined])
    expect(() => createClient({ service: 'svc', source, redactPath: 'no' as never })).toThrow('redactPath')
  })
})

describe.each(['fetch', 'request', 'dispatcher'] as const)('through %s', (door) => {
  it('call is emitted with the response headers, call:end with the end of the body', async () => {
    let finish = (): void => {}
    await using server = await startServer((_request, response) => {
      response.write('begun')
      finish = () => response.end('done')
    })
    await using client = createClient({ service: 'svc', source: fixed([server.url]) })
    await client.ready()
    const log: string[] = []
    const calls = collect(client, 'call')
    const ends = collect(client, 'call:end')
    client.on('call', () => log.push('call'))
    client.on('call:end', () => log.push('call:end'))
    if (door === 'fetch') {
      const response = await client('/x?secret=1')
      log.push('headers')
      finish()
      await response.text()
    } else {
      const { body } =
        door === 'request'
          ? await client.request('/x?secret=1')
          : await request('http://svc/x?secret=1', { dispatcher: client.dispatcher })
      log.push('headers')
      finish()
      await body.text()
    }
    await until(() => ends.length > 0)
    expect(log).toEqual(['call', 'headers', 'call:end'])
    expect(calls).toMatchObject([
      { door, method: 'GET', path: '/x', outcome: 'success', status: 200, attempts: 1 },
    ])
    const [{ connect = NaN, firstByte = NaN, duration } = { duration: NaN }] = calls
    expect(connect).toBeGreaterThanOrEqual(0)
    expect(firstByte).toBeGreaterThan(0)
    expect(connect + firstByte).toBeLessThanOrEqual(duration)
    expect(ends).toMatchObject([{ id: calls[0]?.id, door, bytes: 9, truncated: false }])
  })

  it('call:end reports a body that breaks off as truncated', async () => {
    await using server = await startServer((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('begun', () => setTimeout(() => response.destroy(), 10))
    })
    await using client = createClient({ service: 'svc', source: fixed([server.url]) })
    await client.ready()
    const ends = collect(client, 'call:end')
    if (door === 'fetch') await client('/').then((response) => response.text().catch(() => {}))
    else {
      const answer =
        door === 'request' ? client.request('/') : request('http://svc/', { dispatcher: client.dispatcher })
      await (await answer).body.text().catch(() => {})
    }
    await until(() => ends.length > 0)
    expect(ends).toMatchObject([{ bytes: 5, truncated: true }])
  })
})

it('a redirect is one call, and its instance is the one that answered last', async () => {
  await using server = await startServer((asked, response) => {
    if (asked.url === '/from') response.writeHead(302, { location: '/to' }).end('moved away')
    else response.end('here')
  })
  await using client = createClient({ service: 'svc', source: fixed([server.url]) })
  const calls = collect(client, 'call')
  const ends = collect(client, 'call:end')
  await (await client('/from')).text()
  await until(() => ends.length > 0)
  expect(calls).toMatchObject([{ status: 200, attempts: 1, path: '/from' }])
  expect(ends).toMatchObject([{ bytes: 4, truncated: false }])
})

it('a listener added during a call gets its remaining events', async () => {
  const clock = new ManualClock()
  await using client = createClient(options(clock))
  const call = client.execute(() => clock.sleep(10))
  await clock.advance(0)
  const attempts = once(client as never, 'attempt')
  await clock.advance(10)
  await call
  expect(await attempts).toMatchObject([{ outcome: 'success', id: expect.any(String) }])
})
