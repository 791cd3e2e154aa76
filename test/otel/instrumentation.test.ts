import { SpanKind, trace } from '@opentelemetry/api'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { isOwnRequest, otel } from '../../src/otel.ts'
import { inOrder } from '../support/balance.ts'
import { ok, refusedUrl, reply, startServer } from '../support/http-server.ts'
import { startTelemetry, type Telemetry } from './telemetry.ts'

let telemetry: Telemetry
let instrumentation: UndiciInstrumentation | undefined
beforeEach(() => {
  telemetry = startTelemetry()
})
afterEach(async () => {
  instrumentation?.disable()
  instrumentation = undefined
  await telemetry[Symbol.asyncDispose]()
})

function instrument(config = {}): void {
  instrumentation = new UndiciInstrumentation(config)
  instrumentation.setTracerProvider(telemetry.tracerProvider)
  instrumentation.setMeterProvider(telemetry.meterProvider)
}

function clientOf(urls: readonly string[], connections?: number): Client {
  return createClient({
    service: 'user-service',
    source: fixed(urls),
    balance: inOrder,
    retry: { attempts: 3, backoff: 0 },
    ...(connections !== undefined && { transport: { connections } }),
  })
}

const DOORS: Record<string, (client: Client, path: string) => Promise<unknown>> = {
  fetch: async (client, path) => (await client(path)).text(),
  request: async (client, path) => (await client.request(path)).body.text(),
  dispatcher: async (client, path) => {
    const { body } = await request(`http://user-service${path}`, { dispatcher: client.dispatcher })
    return body.text()
  },
}

const clientSpans = (): string[] =>
  telemetry.spans
    .filter(({ kind }) => kind === SpanKind.CLIENT)
    .map(({ instrumentationScope }) => instrumentationScope.name)

describe.each(Object.entries(DOORS))('instrumentation-undici beside otel(), through %s', (_name, door) => {
  it.each([true, false])('makes one CLIENT span per attempt, active: %s', async (isActive) => {
    await using bad = await startServer(reply(503))
    await using good = await startServer(ok)
    await using client = clientOf([bad.url, good.url])
    await client.ready()
    if (isActive) instrument()
    using _ = otel(client)
    await door(client, '/')
    const retries = _name === 'dispatcher' ? 1 : 2
    expect(clientSpans()).toEqual(Array(retries).fill('outrigger'))
    const last = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT).at(-1)!
    const { traceparent } = (retries === 1 ? bad : good).headers[0]!
    expect(traceparent).toContain(last.spanContext().spanId)
  })

  it('makes no duplicate span when requests wait for a connection of another call', async () => {
    await using server = await startServer((_request, response) => {
      setTimeout(() => response.end('ok'), 2)
    })
    await using client = clientOf([server.url], 1)
    await client.ready()
    // The connection is older than the tracing.
    await door(client, '/first')
    instrument()
    using _ = otel(client)
    await Promise.all(Array.from({ length: 10 }, (_each, index) => door(client, `/${index}`)))
    expect(clientSpans()).toEqual(Array(10).fill('outrigger'))
    const sent = server.headers.slice(1).map(({ traceparent }) => String(traceparent).split('-')[2])
    const made = telemetry.spans.map((span) => span.spanContext().spanId)
    expect(new Set(sent)).toEqual(new Set(made))
    expect(sent).toHaveLength(10)
  })

  it('without otel(), the instrumentation makes the spans', async () => {
    await using server = await startServer(ok)
    await using client = clientOf([server.url])
    await client.ready()
    instrument()
    await door(client, '/')
    expect(clientSpans()).toEqual(['@opentelemetry/instrumentation-undici'])
  })
})

it.each([true, false])("fetch: 'fast' also has one CLIENT span per attempt, active: %s", async (isActive) => {
  await using bad = await startServer(reply(503))
  await using good = await startServer(ok)
  await using client = createClient({
    service: 'user-service',
    source: fixed([bad.url, good.url]),
    balance: inOrder,
    retry: { attempts: 3, backoff: 0 },
    fetch: 'fast',
  })
  await client.ready()
  if (isActive) instrument()
  using _ = otel(client)
  await (await client('/')).text()
  expect(clientSpans()).toEqual(['outrigger', 'outrigger'])
  const attempts = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)
  const sent = [bad, good].map(({ headers }) => String(headers[0]?.['traceparent']).split('-')[2])
  expect(sent).toEqual(attempts.map((span) => span.spanContext().spanId))
})

it('a failed connection is one span too', async () => {
  const dead = await refusedUrl()
  await using client = clientOf([dead])
  await client.ready()
  instrument()
  using _ = otel(client)
  await client('/').catch(() => {})
  expect(new Set(clientSpans())).toEqual(new Set(['outrigger']))
})

it('fetches of listeners and callers are traced by the instrumentation', async () => {
  await using server = await startServer(ok)
  await using client = clientOf([server.url])
  await client.ready()
  instrument()
  using _ = otel(client)
  let audit: Promise<unknown> | undefined
  client.on('attempt', () => {
    audit = fetch(`${server.url}/audit`).then((response) => response.text())
  })
  await (await client('/')).text()
  await audit
  await (await fetch(`${server.url}/own`)).text()
  const paths = telemetry.spans.map(({ attributes, instrumentationScope }) => [
    instrumentationScope.name,
    new URL(String(attributes['url.full'])).pathname,
  ])
  expect(new Set(paths)).toEqual(
    new Set([
      ['@opentelemetry/instrumentation-undici', '/audit'],
      ['@opentelemetry/instrumentation-undici', '/own'],
      ['outrigger', '/'],
    ]),
  )
  expect(paths).toHaveLength(3)
  const own = telemetry.spans.find(({ instrumentationScope }) => instrumentationScope.name === 'outrigger')
  const below = telemetry.spans.find(({ attributes }) => String(attributes['url.full']).endsWith('/audit'))
  expect(below?.parentSpanContext?.spanId).toBe(own?.spanContext().spanId)
})

it('execute() leaves the CLIENT span of a fetch in its function to the instrumentation', async () => {
  await using server = await startServer(ok)
  await using client = clientOf([server.url])
  await client.ready()
  instrument()
  using _ = otel(client)
  await client.execute(async ({ url }) => (await fetch(url)).text())
  const [inner, attempt] = telemetry.spans
  expect(telemetry.spans).toHaveLength(2)
  expect(inner).toMatchObject({ kind: SpanKind.CLIENT })
  expect(inner?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId)
})

it('isOwnRequest limits the instrumentation’s metrics to other requests', async () => {
  await using server = await startServer(ok)
  await using client = clientOf([server.url])
  await client.ready()
  instrument({ ignoreRequestHook: isOwnRequest })
  using _ = otel(client)
  await (await client('/')).text()
  await (await fetch(server.url)).text()
  const addresses = (await telemetry.points('http.client.request.duration')).map(
    ({ attributes }) => attributes['server.address'],
  )
  expect(new Set(addresses)).toEqual(new Set(['127.0.0.1', 'user-service']))
  expect(isOwnRequest()).toBe(false)
  expect(trace.getActiveSpan()).toBeUndefined()
})
