import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanKind, trace } from '@opentelemetry/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type CallEvent, type Client, type ClientOptions } from '../../src/index.ts'
import { otel } from '../../src/otel.ts'
import { startTelemetry } from '../otel/telemetry.ts'
import { hang, reply, startServer, type Answer, type TestServer } from '../support/http-server.ts'

const user = new AsyncLocalStorage<string>()

const sharing = ({ url }: TestServer, options: Partial<ClientOptions> = {}): Client =>
  createClient({ service: 'user-service', source: fixed([url]), coalesce: true, retry: false, ...options })

const slowly =
  (answer: Answer): Answer =>
  async (request, response) => {
    await sleep(50)
    answer(request, response)
  }

type Heard = CallEvent & { readonly owner: string | undefined }

function hear(client: Client): Heard[] {
  const heard: Heard[] = []
  client.on('call', (event) => heard.push({ ...event, owner: user.getStore() }))
  return heard
}

const USERS = ['alice', 'bob', 'carol']

describe('callers who share a request', () => {
  it.each([
    ['whose deadline has passed before the call', { deadline: -1 }, 'TimeoutError', 'timeout'],
    ['whose signal has aborted before the call', { signal: AbortSignal.abort() }, 'AbortError', 'aborted'],
  ] as const)(
    'one caller %s gets its event, without effect on the others',
    async (_name, init, name, outcome) => {
      await using server = await startServer(slowly(reply(200, 'body')))
      await using client = sharing(server)
      await client.ready()
      const heard = hear(client)
      const first = user.run('alice', async () => (await client('/x')).text())
      await expect(user.run('bob', async () => client('/x', init))).rejects.toMatchObject({ name })
      expect(heard).toHaveLength(1)
      expect(heard[0]).toMatchObject({ owner: 'bob', outcome, attempts: 0, path: '/x', door: 'fetch' })
      expect(await first).toBe('body')
      expect(heard.map(({ owner }) => owner)).toEqual(['bob', 'alice'])
      expect(server.requests).toHaveLength(1)
    },
  )

  it.each([
    [200, 'success'],
    [503, 'failure'],
  ])('each get a call event, with status %i', async (status, outcome) => {
    await using server = await startServer(slowly(reply(status, 'body')))
    await using client = sharing(server)
    await client.ready()
    const heard = hear(client)
    const ends: unknown[] = []
    client.on('call:end', ({ id }) => ends.push(id))
    await Promise.all(USERS.map((each) => user.run(each, async () => (await client('/x?token=1')).text())))
    expect(server.requests).toHaveLength(1)
    expect(heard.map(({ owner }) => owner).toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual(
      USERS,
    )
    expect(new Set(heard.map(({ id }) => id)).size).toBe(3)
    const [own] = heard.filter(({ coalesced }) => !coalesced)
    expect(own).toMatchObject({ attempts: 1, owner: 'alice', status, outcome })
    const shared = heard.filter(({ coalesced }) => coalesced)
    expect(shared).toHaveLength(2)
    for (const event of shared) {
      expect(event).toMatchObject({ attempts: 0, status, outcome, method: 'GET', path: '/x', door: 'fetch' })
      expect(event).not.toHaveProperty('instance')
    }
    // The event `call:end` is emitted once, for the caller that sent the request.
    expect(ends).toEqual([own?.id])
  })

  it('get events for the shared error, and for their own abort and deadline', async () => {
    await using server = await startServer(hang)
    await using client = sharing(server, { timeout: { total: 1_000 } })
    await client.ready()
    const heard = hear(client)
    const abort = new AbortController()
    const limit = new AbortController()
    const calls = [
      user.run('alice', () => client('/')),
      user.run('bob', () => client('/')),
      user.run('carol', () => client('/', { signal: abort.signal })),
      user.run('dave', () => client('/', { signal: limit.signal })),
    ].map((call) => call.catch(() => {}))
    await server.seen(1)
    abort.abort()
    // It aborts like AbortSignal.timeout() does, and always after carol.
    limit.abort(new DOMException('his time is up', 'TimeoutError'))
    await Promise.all(calls)
    expect(heard.map(({ owner, outcome, coalesced }) => [owner, outcome, coalesced])).toEqual([
      ['carol', 'aborted', true],
      ['dave', 'timeout', true],
      ['alice', 'timeout', undefined],
      ['bob', 'timeout', true],
    ])
  })

  it('the first caller gets its event at once when it aborts, although the others go on', async () => {
    const answers: (() => unknown)[] = []
    await using server = await startServer((request, response) =>
      answers.push(() => reply(200, 'late')(request, response)),
    )
    await using client = sharing(server)
    await client.ready()
    const heard = hear(client)
    const ends: unknown[] = []
    client.on('call:end', ({ id, bytes }) => ends.push([id, bytes]))
    const leaving = new AbortController()
    const first = user.run('alice', () => client('/', { signal: leaving.signal }))
    const late = new AbortController()
    const joined = user.run('bob', () => client('/', { signal: late.signal }))
    const second = user.run('carol', async () => (await client('/')).text())
    await server.seen(1)
    leaving.abort()
    await expect(first).rejects.toThrow('aborted')
    expect(heard).toMatchObject([{ owner: 'alice', outcome: 'aborted', attempts: 1 }])
    late.abort(new DOMException('out of time', 'TimeoutError'))
    await expect(joined).rejects.toThrow('out of time')
    for (const answer of answers) answer()
    expect(await second).toBe('late')
    expect(heard.map(({ owner, outcome, coalesced }) => [owner, outcome, coalesced])).toEqual([
      ['alice', 'aborted', undefined],
      ['bob', 'timeout', true],
      ['carol', 'success', true],
    ])
    // The event `call:end` is emitted once.
    expect(ends).toEqual([[heard[0]?.id, 4]])
    expect(server.requests).toHaveLength(1)
  })

  it('the first caller gets its event when its own deadline has passed', async () => {
    const answers: (() => unknown)[] = []
    await using server = await startServer((request, response) =>
      answers.push(() => reply(200, 'late')(request, response)),
    )
    await using client = sharing(server)
    await client.ready()
    const heard = hear(client)
    const first = user.run('alice', () => client('/', { deadline: performance.now() + 500 }))
    const second = user.run('bob', () => client('/'))
    await expect(first).rejects.toThrow("before the caller's own deadline")
    expect(heard).toMatchObject([{ owner: 'alice', outcome: 'timeout', deadline: 'caller' }])
    await server.seen(1)
    for (const answer of answers) answer()
    expect((await second).status).toBe(200)
    expect(heard).toHaveLength(2)
  })

  it('a caller that must send its own request, as the response is not for it, has one call event and not two', async () => {
    await using server = await startServer(slowly(reply(200, 'mine', { 'cache-control': 'private' })))
    await using client = sharing(server)
    await client.ready()
    const heard = hear(client)
    await Promise.all(USERS.map((each) => user.run(each, async () => (await client('/')).text())))
    expect(server.requests).toHaveLength(3)
    expect(heard).toHaveLength(3)
    expect(new Set(heard.map(({ owner }) => owner))).toEqual(new Set(USERS))
    expect(heard.every(({ coalesced, attempts }) => coalesced === undefined && attempts === 1)).toBe(true)
  })

  it('have one span each, in their own trace', async () => {
    await using telemetry = startTelemetry()
    await using server = await startServer(slowly(reply(200, 'body')))
    await using client = sharing(server)
    await client.ready()
    using _ = otel(client)
    const tracer = trace.getTracer('test')
    const call = (each: string): Promise<void> =>
      tracer.startActiveSpan(each, async (span) => {
        await (await client('/')).text()
        span.end()
      })
    await Promise.all(USERS.map(call))
    const shared = telemetry.named('call GET')
    expect(shared).toHaveLength(2)
    const parents = new Set(shared.map(({ parentSpanContext }) => parentSpanContext?.spanId))
    expect(parents).toEqual(
      new Set(USERS.slice(1).map((each) => telemetry.named(each)[0]?.spanContext().spanId)),
    )
    for (const { kind, attributes, startTime, endTime } of shared) {
      expect(kind).toBe(SpanKind.INTERNAL)
      expect(attributes).toMatchObject({ 'outrigger.coalesced': true, 'http.response.status_code': 200 })
      expect(startTime[0] * 1e9 + startTime[1]).toBeLessThan(endTime[0] * 1e9 + endTime[1])
    }
    const [durations] = await telemetry.points('http.client.request.duration')
    expect(durations?.value).toMatchObject({ count: 3 })
  })
})
