import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { otel } from '../../src/otel.ts'
import { inOrder } from '../support/balance.ts'
import {
  type Answer,
  hang,
  redirect,
  refusedUrl,
  reply,
  startServer,
  type TestServer,
} from '../support/http-server.ts'
import { startTelemetry, type Telemetry } from './telemetry.ts'

let telemetry: Telemetry
let servers: TestServer[] = []
beforeEach(() => {
  telemetry = startTelemetry()
})
afterEach(async () => {
  await telemetry[Symbol.asyncDispose]()
  for (const server of servers.splice(0)) await server.close()
  servers = []
})

async function serve(...answers: Answer[]): Promise<TestServer> {
  const server = await startServer(...answers)
  servers.push(server)
  return server
}

function clientOf(urls: readonly string[], options: Partial<ClientOptions> = {}): Client {
  return createClient({
    service: 'user-service',
    source: fixed(urls.map((url, index) => ({ id: `i${index}`, url }))),
    balance: inOrder,
    retry: { attempts: 3, backoff: 0 },
    routes: { 'GET /users/{id}': {} },
    ...options,
  })
}

const traceparentOf = (span: ReadableSpan): string => {
  const { traceId, spanId } = span.spanContext()
  return `00-${traceId}-${spanId}-01`
}

/** Runs `run` in a span of the caller. */
async function inSpan<T>(name: string, run: () => Promise<T>): Promise<T> {
  return trace.getTracer('test').startActiveSpan(name, async (span) => {
    try {
      return await run()
    } finally {
      span.end()
    }
  })
}

const DOORS: Record<
  string,
  (client: Client, path: string, headers?: Record<string, string>) => Promise<unknown>
> = {
  fetch: async (client, path, headers = {}) => (await client(path, { headers })).text(),
  request: async (client, path, headers = {}) => (await client.request(path, { headers })).body.text(),
  dispatcher: async (client, path, headers = {}) => {
    const { body } = await request(`http://user-service${path}`, { dispatcher: client.dispatcher, headers })
    return body.text()
  },
}

describe.each(Object.entries(DOORS))('through %s', (_name, door) => {
  it('a call that succeeds at once is one CLIENT span, and the server continues its trace', async () => {
    const server = await serve(reply(200, 'ok'))
    await using client = clientOf([server.url])
    await client.ready()
    using _ = otel(client)
    const headers = { traceparent: 'mine', 'X-Own': '1' }
    await inSpan('caller', () => door(client, '/users/42?token=secret', headers))
    const [span, caller] = telemetry.spans
    expect(telemetry.spans).toHaveLength(2)
    expect(span).toMatchObject({
      name: 'GET /users/{id}',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
    })
    expect(span?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
    const { port } = new URL(server.url)
    expect(span?.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': 'user-service',
      'server.port': 80,
      'url.scheme': 'http',
      'url.full': 'http://user-service/users/42',
      'url.template': '/users/{id}',
      'network.peer.address': '127.0.0.1',
      'network.peer.port': Number(port),
      'http.response.status_code': 200,
      'outrigger.call.id': expect.any(String) as string,
      'outrigger.instance.id': 'i0',
      'outrigger.outcome': 'success',
    })
    expect(server.headers[0]).toMatchObject({ traceparent: traceparentOf(span!), 'x-own': '1' })
    // The headers of the caller do not change.
    expect(headers).toEqual({ traceparent: 'mine', 'X-Own': '1' })
  })

  it('a 404 is an error of the client, and not a failure of the instance', async () => {
    const server = await serve(reply(404))
    await using client = clientOf([server.url])
    using _ = otel(client)
    await client.ready()
    await door(client, '/nowhere')
    expect(telemetry.spans).toHaveLength(1)
    expect(telemetry.spans[0]).toMatchObject({
      name: 'GET',
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': '404', 'outrigger.outcome': 'success' },
    })
  })

  it('concurrent users on one connection have separate traces', async () => {
    const server = await serve((incoming, response) => {
      setTimeout(() => response.end(incoming.url), Math.random() * 5)
    })
    await using client = clientOf([server.url], { transport: { connections: 1 } })
    await client.ready()
    using _ = otel(client)
    const users = Array.from({ length: 8 }, (_each, index) => `user-${index}`)
    await Promise.all(users.map((user) => inSpan(user, () => door(client, `/${user}`))))
    expect(telemetry.spans).toHaveLength(16)
    for (const user of users) {
      const caller = telemetry.named(user)[0]!
      const own = telemetry.spans.filter(
        ({ attributes }) => attributes['url.full'] === `http://user-service/${user}`,
      )
      expect(own).toHaveLength(1)
      expect(own[0]!.parentSpanContext?.spanId).toBe(caller.spanContext().spanId)
      const at = server.requests.indexOf(`GET /${user}`)
      expect(server.headers[at]?.['traceparent']).toBe(traceparentOf(own[0]!))
    }
  })

  it('a refused call is one INTERNAL span with the code of its error', async () => {
    const server = await serve(reply(200))
    await using client = clientOf([server.url], { breaker: { openFor: 60_000 } })
    await client.ready()
    using _ = otel(client)
    client.isolate('i0', { force: true })
    await inSpan('caller', () => door(client, '/users/1').catch(() => {}))
    const [span, caller] = telemetry.spans
    expect(telemetry.spans).toHaveLength(2)
    expect(span).toMatchObject({
      name: 'call GET /users/{id}',
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.ERROR },
      attributes: {
        'error.type': 'ERR_OUTRIGGER_CIRCUIT_OPEN',
        'outrigger.outcome': 'refused',
        'outrigger.attempts': 0,
      },
    })
    expect(span?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
  })
})

describe('a call with several attempts', () => {
  it('has a span around them, and each attempt has its own traceparent and number', async () => {
    const first = await serve(reply(503))
    const second = await serve(reply(200, 'ok'))
    await using client = clientOf([first.url, second.url])
    await client.ready()
    using _ = otel(client)
    let begun = NaN
    client.on('call:start', ({ at }) => (begun = at))
    await inSpan('caller', async () => (await client('/users/1')).text())
    const [failed, good, call, caller] = telemetry.spans
    expect(telemetry.spans.map(({ name }) => name)).toEqual([
      'GET /users/{id}',
      'GET /users/{id}',
      'call GET /users/{id}',
      'caller',
    ])
    expect(failed).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': '503' },
    })
    expect(failed?.attributes['http.request.resend_count']).toBeUndefined()
    expect(good?.attributes).toMatchObject({ 'http.request.resend_count': 1, 'outrigger.instance.id': 'i1' })
    expect(failed?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
    expect(call?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
    expect(good?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId)
    expect(call?.links.map((link) => link.context.spanId)).toEqual([failed?.spanContext().spanId])
    expect(call).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'outrigger.attempts': 2,
        'outrigger.outcome': 'success',
        'http.response.status_code': 200,
      },
    })
    // It also covers the first attempt. The SDK's clock may differ from ours by a few ms.
    expect(call!.startTime[0] * 1e3 + call!.startTime[1] / 1e6).toBeCloseTo(begun, 1)
    expect(first.headers[0]?.['traceparent']).toBe(traceparentOf(failed!))
    expect(second.headers[0]?.['traceparent']).toBe(traceparentOf(good!))
  })

  it('shows why there was no further retry', async () => {
    const [first, second] = [await serve(reply(503)), await serve(reply(503))]
    await using client = clientOf([first.url, second.url], { retry: { attempts: 2, backoff: 0 } })
    await client.ready()
    using _ = otel(client)
    await (await client('/users/1')).text()
    const call = telemetry.spans.find(({ name }) => name === 'call GET /users/{id}')
    expect(call?.attributes).toMatchObject({
      'outrigger.outcome': 'failure',
      'outrigger.not_retried': 'attempts',
    })
  })

  it('has a span for each attempt when nothing was sent and another instance is used', async () => {
    const dead = await refusedUrl()
    const server = await serve(reply(200, 'ok'))
    await using client = clientOf([dead, server.url])
    await client.ready()
    using _ = otel(client)
    await client('/users/1', { method: 'POST', body: 'x' })
    const [failed, good, call] = telemetry.spans
    expect(failed).toMatchObject({
      attributes: { 'error.type': 'ECONNREFUSED', 'outrigger.instance.id': 'i0' },
    })
    expect(good?.attributes).toMatchObject({ 'outrigger.instance.id': 'i1', 'http.request.resend_count': 1 })
    expect(call?.name).toBe('call POST')
    expect(server.headers[0]?.['traceparent']).toBe(traceparentOf(good!))
  })

  it('a redirect within the service is a separate request', async () => {
    const server = await serve(redirect('/users/2'), reply(200, 'ok'))
    await using client = clientOf([server.url])
    await client.ready()
    using _ = otel(client)
    await (await client('/users/1')).text()
    expect(telemetry.spans.map(({ name }) => name)).toEqual([
      'GET /users/{id}',
      'GET /users/{id}',
      'call GET /users/{id}',
    ])
    const [moved, good] = telemetry.spans
    expect(moved?.attributes['http.response.status_code']).toBe(302)
    expect(good?.attributes['http.request.resend_count']).toBe(1)
    expect(server.headers.map(({ traceparent }) => traceparent)).toEqual([
      traceparentOf(moved!),
      traceparentOf(good!),
    ])
  })
})

describe('a hedge', () => {
  const budget = { minPerSecond: 100 }

  it('that wins is linked to the first attempt, which is cancelled and not an error', async () => {
    const slow = await serve(hang)
    const fast = await serve(reply(200, 'ok'))
    await using client = clientOf([slow.url, fast.url], {
      routes: { 'GET /users/{id}': { hedge: { after: 5 } } },
      budget,
    })
    await client.ready()
    using _ = otel(client)
    await (await client('/users/1')).text()
    const [won, lost, call] = telemetry.spans.toSorted(
      (a, b) => Number(b.attributes['outrigger.hedge'] ?? 0) - Number(a.attributes['outrigger.hedge'] ?? 0),
    )
    expect(telemetry.spans).toHaveLength(3)
    expect(won).toMatchObject({ attributes: { 'outrigger.hedge': true, 'http.response.status_code': 200 } })
    expect(lost).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'outrigger.cancelled': true },
    })
    expect(lost?.attributes['error.type']).toBeUndefined()
    expect(lost?.events).toEqual([])
    expect(won?.links.map((link) => link.context.spanId)).toEqual([lost?.spanContext().spanId])
    expect(call).toMatchObject({
      attributes: { 'outrigger.hedges': 1, 'outrigger.attempts': 2 },
      status: { code: SpanStatusCode.UNSET },
    })
  })

  it('that loses is cancelled and not an error', async () => {
    const first = await serve((_request, response) => void setTimeout(() => response.end('ok'), 60))
    const hedge = await serve(hang)
    await using client = clientOf([first.url, hedge.url], {
      routes: { 'GET /users/{id}': { hedge: { after: 5 } } },
      budget,
    })
    await client.ready()
    using _ = otel(client)
    await (await client('/users/1')).text()
    const lost = telemetry.spans.find(({ attributes }) => attributes['outrigger.hedge'] === true)
    expect(lost).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'outrigger.cancelled': true },
    })
    const { attributes } = telemetry.spans.find((span) => span.kind === SpanKind.CLIENT && span !== lost)!
    expect(attributes['http.response.status_code']).toBe(200)
  })
})

it('a partial failure shows which instance fails, and that callers do not notice it', async () => {
  let calls = 0
  const brown = await serve((_request, response) => {
    response.statusCode = calls++ % 2 === 0 ? 503 : 200
    response.end('x')
  })
  const good = await serve(reply(200, 'ok'))
  await using client = clientOf([brown.url, good.url], { breaker: false, budget: { minPerSecond: 100 } })
  await client.ready()
  using _ = otel(client)
  const users = Array.from({ length: 10 }, (_each, index) => `user-${index}`)
  await Promise.all(users.map((user) => inSpan(user, async () => (await client('/users/1')).text())))
  const attempts = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)
  const failed = attempts.filter(({ status }) => status.code === SpanStatusCode.ERROR)
  expect(failed).toHaveLength(5)
  expect(new Set(failed.map(({ attributes }) => attributes['outrigger.instance.id']))).toEqual(
    new Set(['i0']),
  )
  const callSpans = telemetry.named('call GET /users/{id}')
  expect(callSpans).toHaveLength(5)
  for (const span of callSpans) expect(span.attributes['outrigger.outcome']).toBe('success')
  // Each retry is in the trace of its user.
  for (const user of users) {
    const { traceId } = telemetry.named(user)[0]!.spanContext()
    const own = attempts.filter((span) => span.spanContext().traceId === traceId)
    expect(own.at(-1)?.attributes['http.response.status_code']).toBe(200)
  }
})

describe('the end of a call', () => {
  it('by its timeout is an error, and by the caller’s abort is not', async () => {
    const server = await serve(hang)
    await using client = clientOf([server.url], { timeout: { total: 30 }, retry: false })
    await client.ready()
    using _ = otel(client)
    await client('/late').catch(() => {})
    expect(telemetry.spans).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'TimeoutError' } },
    ])
    const controller = new AbortController()
    const aborted = client('/gone', { signal: controller.signal }).catch(() => {})
    await server.seen(2)
    controller.abort()
    await aborted
    const [, span] = telemetry.spans
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'outrigger.cancelled': true },
    })
  })

  it('by close() ends every span', async () => {
    const server = await serve(hang)
    const client = clientOf([server.url], { drainTimeout: 0 })
    await client.ready()
    using _ = otel(client)
    const calls = [client('/a'), client('/b'), client.request('/c')].map((call) => call.catch(() => {}))
    await server.seen(3)
    await client.close()
    await Promise.all(calls)
    expect(telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)).toHaveLength(3)
  })

  it('by a registry that is down is a refusal with a span', async () => {
    const source = {
      // eslint-disable-next-line require-yield
      async *watch(): AsyncGenerator<never> {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      },
    }
    await using client = createClient({ service: 'user-service', source })
    client.on('source:stale', () => {})
    using _ = otel(client)
    await client('/users/1').catch(() => {})
    expect(telemetry.spans).toMatchObject([
      {
        name: 'call GET',
        kind: SpanKind.INTERNAL,
        attributes: { 'error.type': 'ERR_OUTRIGGER_NO_INSTANCE' },
      },
    ])
  })

  it('before a request could be made is an error', async () => {
    const server = await serve(reply(200))
    await using client = clientOf([server.url], { headers: () => Promise.reject(new RangeError('no token')) })
    await client.ready()
    using _ = otel(client)
    await client('/').catch(() => {})
    expect(telemetry.spans).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'RangeError' } },
    ])
  })
})

it('execute has INTERNAL spans, with the CLIENT spans of its function below them', async () => {
  const server = await serve(reply(200))
  await using client = clientOf([server.url])
  await client.ready()
  using _ = otel(client)
  await client.execute(() => inSpan('SELECT', async () => 1), { route: 'GET /users/{id}' })
  const [inner, attempt] = telemetry.spans
  expect(telemetry.spans).toHaveLength(2)
  expect(attempt).toMatchObject({ name: 'execute GET /users/{id}', kind: SpanKind.INTERNAL })
  expect(attempt?.attributes['http.request.method']).toBeUndefined()
  expect(inner?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId)
})

it('listeners have the span of the attempt as the active one, and callers their own', async () => {
  const server = await serve(reply(200, 'ok'))
  await using client = clientOf([server.url])
  await client.ready()
  using _ = otel(client)
  const seen: unknown[] = []
  client.on('attempt', () => {
    trace.getTracer('test').startSpan('listener').end()
    seen.push(trace.getActiveSpan()?.spanContext().spanId)
  })
  await inSpan('caller', async () => {
    const own = trace.getActiveSpan()
    await (await client('/')).text()
    expect(trace.getActiveSpan()).toBe(own)
  })
  const attempt = telemetry.spans.find(({ kind }) => kind === SpanKind.CLIENT)
  expect(seen).toEqual([attempt?.spanContext().spanId])
  expect(telemetry.named('listener')[0]?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId)
  expect(trace.getSpan(context.active())).toBeUndefined()
})

it('an app-wide fetch is traced with all its services, and another client is not', async () => {
  const server = await serve(reply(200, 'ok'))
  await using app = createFetch({ source: fixed([server.url]), services: { a: {}, b: {} } })
  await using other = clientOf([server.url])
  const handle = otel(app)
  await app('http://a/')
  await app('http://b:80/')
  await other('/')
  expect(telemetry.spans.map(({ attributes }) => attributes['server.address'])).toEqual(['a', 'b'])
  handle.stop()
  await app('http://a/')
  expect(telemetry.spans).toHaveLength(2)
})

it('redactPath also applies to spans', async () => {
  const server = await serve(reply(200))
  await using client = clientOf([server.url], { redactPath: () => undefined })
  await client.ready()
  using _ = otel(client)
  await client('/users/42')
  expect(telemetry.spans[0]?.attributes['url.full']).toBe('http://user-service/REDACTED')
})

it('an unknown method is _OTHER, and its span is named HTTP', async () => {
  const server = await serve(reply(200))
  await using client = clientOf([server.url])
  await client.ready()
  using _ = otel(client)
  await client.request('/', { method: 'PURGE' as never })
  expect(telemetry.spans).toMatchObject([
    {
      name: 'HTTP',
      attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': 'PURGE' },
    },
  ])
})
