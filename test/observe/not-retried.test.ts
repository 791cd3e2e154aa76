import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { request } from 'undici'
import { createClient, fixed, type CallEvent, type ClientOptions, type NotRetried } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import { inOrder } from '../support/balance.ts'
import { collect } from '../support/events.ts'
import { ok, refusedUrl, reply, reset, startServer, type Answer } from '../support/http-server.ts'

const a = { id: 'a', url: 'http://127.0.0.1:1001' }
const b = { id: 'b', url: 'http://127.0.0.1:1002' }
const fail = (): never => {
  throw new Error('boom')
}

interface Executed {
  readonly run?: () => unknown
  readonly idempotent?: boolean
}

/** Returns the event of one call through `execute`. */
async function executed(
  more: Partial<ClientOptions>,
  { run = fail, ...options }: Executed = {},
): Promise<CallEvent> {
  const clock = new ManualClock()
  const given = { service: 'svc', source: fixed([a, b]), balance: inOrder, clock, ...more }
  await using client = createClient(given)
  const calls = collect(client, 'call')
  const call = client.execute(run, options).catch(() => {})
  await clock.advance(120_000)
  await call
  return calls[0]!
}

/** Returns the event of one request to a server that gives this response. */
async function asked(
  answer: Answer,
  init?: RequestInit,
  more: Partial<ClientOptions> = {},
): Promise<CallEvent> {
  await using server = await startServer(answer)
  await using client = createClient({ service: 'svc', source: fixed([server.url]), ...more })
  const calls = collect(client, 'call')
  await client('/x', init).then(
    (response) => response.text(),
    () => {},
  )
  return calls[0]!
}

const pausing = (seconds: number) => (): unknown => ({
  status: 503,
  headers: { 'retry-after': String(seconds) },
})

const post = (headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', body: 'x', headers })
const stream = (): ReadableStream => new Blob(['x']).stream()

/** Returns the event of a call whose only instance is used by another call while it waits between two tries. */
async function crowded(perInstance: number): Promise<CallEvent> {
  const clock = new ManualClock()
  await using client = createClient({ service: 'svc', source: fixed([a]), clock, limit: { perInstance } })
  const calls = collect(client, 'call')
  const first = client.execute(fail).catch(() => {})
  await clock.advance(0)
  const second = client.execute(() => clock.sleep(5_000))
  await clock.advance(10_000)
  await Promise.all([first, second])
  return calls[0]!
}

/** Returns the event of a call whose client is closed while it is in progress. */
async function closed(): Promise<CallEvent> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await using server = await startServer(async (_asked, response) => {
    await promise
    response.writeHead(503).end()
  })
  const client = createClient({ service: 'svc', source: fixed([server.url]) })
  const calls = collect(client, 'call')
  const call = client('/x').then((response) => response.text())
  await server.seen(1)
  const closing = client.close()
  resolve()
  await Promise.all([call, closing])
  return calls[0]!
}

type Made = () => Promise<CallEvent>

/**
 * One call for each reason, and the same call after the change that docs/why-not-retried.md recommends. That one makes
 * one more try.
 */
const CASES: Record<NotRetried, readonly [Made, Made?]> = {
  off: [() => executed({ retry: false }), () => executed({ retry: {} })],
  'not-idempotent': [
    () => asked(reply(503), post()),
    () => asked(reply(503), post({ 'idempotency-key': '1' })),
  ],
  body: [
    () => asked(reply(503), { method: 'PUT', body: stream(), duplex: 'half' }),
    () => asked(reply(503), { method: 'PUT', body: stream as never }),
  ],
  status: [() => asked(reply(500)), () => asked(reply(500), {}, { retry: { when: () => true } })],
  verdict: [() => asked(reply(200, '', { 'x-long': 'x'.repeat(20_000) }))],
  when: [
    () => asked(reply(503), {}, { retry: { when: () => false } }),
    () => asked(reply(503), {}, { retry: { when: () => undefined } }),
  ],
  attempts: [() => executed({ retry: { attempts: 2 } }), () => executed({ retry: { attempts: 3 } })],
  budget: [
    () => executed({ budget: { ratio: 0, minPerSecond: 0 } }),
    () => executed({ budget: { ratio: 9 } }),
  ],
  time: [
    () => executed({ source: fixed([a]), timeout: 1_000 }, { run: pausing(5) }),
    () => executed({ source: fixed([a]), timeout: 9_000 }, { run: pausing(5) }),
  ],
  'retry-after': [
    () => executed({ source: fixed([a]), timeout: false }, { run: pausing(60) }),
    () =>
      executed(
        { source: fixed([a]), retry: { maxRetryAfter: 60_000 }, timeout: false },
        { run: pausing(60) },
      ),
  ],
  breaker: [
    () => executed({ source: fixed([a]), breaker: { failureThreshold: 1 } }),
    () => executed({ source: fixed([a, b]), breaker: { failureThreshold: 1 } }),
  ],
  limit: [() => crowded(1), () => crowded(2)],
  'no-instance': [
    () => executed({ balance: (endpoints, { attempt }) => (attempt === 1 ? endpoints[0] : undefined) }),
    () => executed({ balance: (endpoints) => endpoints[0] }),
  ],
  closed: [closed],
}
const REASONS = Object.keys(CASES) as NotRetried[]

describe('a call that failed reports why it was not tried again:', () => {
  it.each(REASONS)('%s', async (why) => {
    const [call, mended] = CASES[why]
    const event = await call()
    expect(event).toMatchObject({ notRetried: why })
    if (mended) expect((await mended()).attempts).toBeGreaterThan(event.attempts)
  })

  it('docs/why-not-retried.md explains each reason', () => {
    const page = readFileSync(new URL('../../docs/why-not-retried.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, why = '']) => why)
    expect(rows.toSorted()).toEqual(REASONS.toSorted())
  })

  it('docs/why-not-retried.md lists the reasons in the order in which they are checked', async () => {
    const when = { retry: { when: () => false } }
    const put = { method: 'PUT', body: stream(), duplex: 'half' } as RequestInit
    expect(await asked(reply(500), post(), when)).toMatchObject({ notRetried: 'when' })
    expect(await asked(reply(500), post())).toMatchObject({ notRetried: 'status' })
    expect(await asked(reply(503), { ...put, method: 'POST' })).toMatchObject({
      notRetried: 'not-idempotent',
    })
    expect(await asked(reply(503), { ...put, body: stream() }, { retry: { attempts: 1 } })).toMatchObject({
      notRetried: 'body',
    })
    const noBudget = { budget: { ratio: 0, minPerSecond: 0 } }
    const one = { source: fixed([a]), breaker: { failureThreshold: 1 } }
    expect(await executed({ ...noBudget, retry: { attempts: 1 } })).toMatchObject({ notRetried: 'attempts' })
    expect(await executed({ ...noBudget, ...one })).toMatchObject({ notRetried: 'breaker' })
    const late = { source: fixed([a]), timeout: 1_000 }
    expect(await executed(late, { run: pausing(60) })).toMatchObject({ notRetried: 'retry-after' })
    expect(await executed({ ...noBudget, ...late }, { run: pausing(5) })).toMatchObject({
      notRetried: 'time',
    })
  })

  it('not-idempotent, because `idempotent: false` of the route overrides the method and an Idempotency-Key', async () => {
    const routes = { '* /x': { idempotent: false } }
    const key = post({ 'idempotency-key': '1' })
    for (const init of [{}, key])
      expect(await asked(reply(503), init, { routes })).toMatchObject({ notRetried: 'not-idempotent' })
  })

  it('off, for a call through the dispatcher', async () => {
    await using server = await startServer(reply(503))
    await using client = createClient({ service: 'svc', source: fixed([server.url]) })
    await client.ready()
    const calls = collect(client, 'call')
    const { body } = await request('http://svc/x', { dispatcher: client.dispatcher })
    await body.dump()
    expect(calls).toMatchObject([{ outcome: 'failure', notRetried: 'off' }])
  })

  it('not-idempotent, because the caller of execute said so', async () => {
    expect(await executed({}, { idempotent: false })).toMatchObject({ notRetried: 'not-idempotent' })
  })

  it('not-idempotent, because the Idempotency-Key comes from the option `headers`', async () => {
    const headers = { 'idempotency-key': '1' }
    expect(await asked(reply(503), post(), { headers })).toMatchObject({ notRetried: 'not-idempotent' })
    const made = { headers: () => headers }
    expect(await asked(reply(503), post(), made)).toMatchObject({ notRetried: 'not-idempotent' })
  })

  it('not-idempotent, because a mock of fetch rejects with ECONNREFUSED: the request counts as sent', async () => {
    const cause = Object.assign(new Error('nobody listens'), { code: 'ECONNREFUSED' })
    const platform = globalThis.fetch
    globalThis.fetch = () => Promise.reject(new TypeError('fetch failed', { cause }))
    try {
      expect(await asked(ok, post())).toMatchObject({ notRetried: 'not-idempotent', attempts: 1 })
    } finally {
      globalThis.fetch = platform
    }
  })

  it('attempts, although `classify` would ignore a timeout: it is not called for timeouts', async () => {
    let count = 0
    const classify = (): 'ignored' => {
      count++
      return 'ignored'
    }
    const more = { classify, timeout: { attempt: 100 }, retry: { attempts: 1 } }
    const event = await executed(more, { run: () => new Promise(() => {}) })
    expect(event).toMatchObject({ outcome: 'timeout', notRetried: 'attempts' })
    expect(count).toBe(0)
  })

  it('verdict, because `classify` ignores an error', async () => {
    expect(await executed({ classify: () => 'ignored' })).toMatchObject({ notRetried: 'verdict' })
  })

  it('together with retriesDenied', async () => {
    expect(await CASES.budget[0]()).toMatchObject({ retriesDenied: 'budget', notRetried: 'budget' })
    expect(await CASES['no-instance'][0]()).toMatchObject({
      retriesDenied: 'breaker',
      notRetried: 'no-instance',
    })
  })

  it('after a response that only `when` would retry', async () => {
    const more = { retry: { attempts: 1, when: () => true } }
    expect(await asked(reply(404), {}, more)).toMatchObject({ outcome: 'success', notRetried: 'attempts' })
  })
})

describe('no reason is reported', () => {
  it.each<[string, () => Promise<CallEvent>]>([
    ['for a good response', () => asked(ok)],
    ['of a 404', () => asked(reply(404), { method: 'POST' })],
    ['for a 404 without retries', () => asked(reply(404), {}, { retry: false })],
    ['for a response that `classify` ignores', () => asked(reply(500), {}, { classify: () => 'ignored' })],
    ['if a retry succeeded', () => executed({}, { run: failOnce() })],
    ['for a deadline', () => executed({ timeout: 1_000 }, { run: () => new Promise(() => {}) })],
    ['if nothing was tried', () => executed({ source: fixed([]) })],
  ])('%s', async (_when, call) => {
    const event = await call()
    expect(event).toMatchObject({ outcome: expect.any(String) })
    expect(event).not.toHaveProperty('notRetried')
  })
})

function failOnce(): () => unknown {
  let runs = 0
  return () => (runs++ === 0 ? fail() : 'done')
}

describe('a POST to two instances, of which the first fails: docs/why-not-retried.md says what happens', () => {
  const key = { headers: { 'idempotency-key': '1' } }
  const when = { retry: { when: () => true } }
  const unavailable = reply(503, 'bad', { 'retry-after': '1' })
  type Case = [string, Answer | undefined, object, Partial<ClientOptions>, object]
  const kept = { attempts: 1, notRetried: 'not-idempotent' }
  const retried = { attempts: 2, status: 200, outcome: 'success' }

  it.each<Case>([
    ['resets', reset, {}, {}, { ...kept, outcome: 'failure' }],
    ['refuses the connection', undefined, {}, {}, retried],
    ['responds 503 with Retry-After', unavailable, {}, {}, { ...kept, status: 503 }],
    ['resets, with an Idempotency-Key', reset, key, {}, retried],
    ['responds 503, with an Idempotency-Key', unavailable, key, {}, retried],
    ['resets, and retry.when returns true', reset, {}, when, retried],
    ['responds 503, and retry.when returns true', unavailable, {}, when, retried],
  ])('the first %s', async (_what, answer, init, options, expected) => {
    await using first = await startServer(answer ?? ok)
    await using second = await startServer(ok)
    const source = fixed([answer ? first.url : await refusedUrl(), second.url])
    await using client = createClient({ service: 'svc', source, balance: inOrder, ...options })
    const calls = collect(client, 'call')
    await client('POST /orders', { json: { id: 1 }, ...init }).then(
      (response) => response.text(),
      () => {},
    )
    expect(calls).toMatchObject([expected])
    expect('notRetried' in calls[0]!).toBe('notRetried' in expected)
    expect(second.requests).toHaveLength(expected === retried ? 1 : 0)
  })
})
