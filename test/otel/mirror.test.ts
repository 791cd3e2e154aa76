import { SpanKind, trace } from '@opentelemetry/api'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { request } from 'undici'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { isOwnRequest, otel } from '../../src/otel.ts'
import { hang, reply, startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'
import { startTelemetry, type Telemetry } from './telemetry.ts'

const to = { version: 'v2' }
let telemetry: Telemetry
let instrumentation: UndiciInstrumentation | undefined
let old: TestServer
let next: TestServer

beforeEach(async () => {
  telemetry = startTelemetry()
  old = await startServer(reply(200, 'old'))
  next = await startServer(reply(200, 'next'))
})
afterEach(async () => {
  instrumentation?.disable()
  instrumentation = undefined
  await old.close()
  await next.close()
  await telemetry[Symbol.asyncDispose]()
})

function instrument(): void {
  instrumentation = new UndiciInstrumentation({ ignoreRequestHook: isOwnRequest })
  instrumentation.setTracerProvider(telemetry.tracerProvider)
  instrumentation.setMeterProvider(telemetry.meterProvider)
}

async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
  const instances = [
    { id: 'old', url: old.url, metadata: { version: 'v1' } },
    { id: 'next', url: next.url, metadata: { version: 'v2' } },
  ]
  const client = createClient({
    service: 'user-service',
    source: fixed(instances),
    traffic: [{ to, share: 0 }],
    mirror: { to },
    routes: { 'GET /users/{id}': {} },
    ...options,
  })
  await client.ready()
  return client
}

const DOORS: Record<string, (client: Client, path: string) => Promise<unknown>> = {
  fetch: async (client, path) => (await client(path)).text(),
  request: async (client, path) => (await client.request(path)).body.text(),
  dispatcher: async (client, path) => {
    const { body } = await request(`http://user-service${path}`, { dispatcher: client.dispatcher })
    return body.text()
  },
}

it.each(Object.keys(DOORS).flatMap((door) => [true, false].map((active) => [door, active] as const)))(
  'a copy has no span, and the one traceparent of its attempt: %s, instrumentation active: %s',
  async (door, active) => {
    await using client = await connect()
    if (active) instrument()
    using _ = otel(client)
    await Promise.all(
      ['ann', 'bob', 'eve'].map((user) =>
        trace.getTracer('test').startActiveSpan(user, async (span) => {
          await DOORS[door]!(client, `/users/${user}`)
          span.end()
        }),
      ),
    )
    await until(() => client.snapshot().mirror?.sent === 3 && client.snapshot().mirror?.inFlight === 0)
    const spans = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)
    expect(spans.map(({ instrumentationScope }) => instrumentationScope.name)).toEqual(
      Array.from({ length: 3 }, () => 'outrigger'),
    )
    for (const [index, line] of next.requests.entries()) {
      const own = old.requests.indexOf(line)
      const { traceparent } = next.headers[index]!
      expect(traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/)
      expect(traceparent).toBe(old.headers[own]!['traceparent'])
    }
    const metric = await telemetry.points('http.client.request.duration')
    expect(metric.map(({ attributes }) => attributes['server.address'])).toEqual(['user-service'])
  },
)

it('copies are counted by outcome, and do not count as attempts and calls', async () => {
  next.behave(reply(503), hang)
  await using client = await connect({ mirror: { to, max: 1, timeout: 60_000 } })
  using _ = otel(client)
  const call = async (path: string): Promise<void> => void (await (await client(path)).text())
  await call('/users/1')
  await until(() => client.snapshot().mirror?.failed === 1)
  await call('/users/2')
  await next.seen(2)
  await call('/other')
  const copies = await telemetry.points('outrigger.client.mirror.copies')
  const about = { 'server.address': 'user-service' }
  expect(copies.map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ ...about, 'url.template': '/users/{id}', 'outrigger.outcome': 'failure' }, 1],
    [{ ...about, 'outrigger.outcome': 'dropped' }, 1],
  ])
  const attempts = await telemetry.points('outrigger.client.attempts')
  expect(attempts.map(({ value }) => value)).toEqual([2, 1])
  // The copy that hangs has no span that could stay open.
  expect(telemetry.spans).toHaveLength(3)
})
