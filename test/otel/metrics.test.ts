import { trace, type Context, type MeterProvider as MeterProviderApi } from '@opentelemetry/api'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient, createFetch, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { otel, type OtelOptions } from '../../src/otel.ts'
import { inOrder } from '../support/balance.ts'
import { hang, ok, reply, startServer } from '../support/http-server.ts'
import { startTelemetry, type Point, type Telemetry } from './telemetry.ts'

let telemetry: Telemetry
beforeEach(() => {
  telemetry = startTelemetry()
})
afterEach(() => telemetry[Symbol.asyncDispose]())

function clientOf(urls: readonly string[], options: Partial<ClientOptions> = {}): Client {
  return createClient({
    service: 'user-service',
    source: fixed(urls.map((url, index) => ({ id: `i${index}`, url }))),
    balance: inOrder,
    retry: { attempts: 2, backoff: 0 },
    breaker: { failureThreshold: 1, openFor: 60_000 },
    routes: { 'GET /users/{id}': { breaker: { failureThreshold: 1, openFor: 60_000 } } },
    ...options,
  })
}

async function value(metric: string, ...about: [attribute: string, value: string][]): Promise<unknown> {
  const points = await telemetry.points(metric)
  return points.find(({ attributes }) => about.every(([name, each]) => attributes[name] === each))?.value
}

const counts = (points: readonly Point[]): [unknown, number][] =>
  points.map(({ attributes, value: each }) => [attributes, (each as { count: number }).count])

it('a call, its retry, its attempts and their effect on a breaker', async () => {
  await using bad = await startServer(reply(503))
  await using good = await startServer(ok)
  await using client = clientOf([bad.url, good.url])
  await client.ready()
  using _ = otel(client)
  await client('/users/1')
  await client('/users/2', { method: 'PURGE' })
  const durations = await telemetry.points('http.client.request.duration')
  expect(counts(durations)).toEqual([
    [
      {
        'server.address': 'user-service',
        'server.port': 80,
        'url.template': '/users/{id}',
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'outrigger.outcome': 'success',
      },
      1,
    ],
    [expect.objectContaining({ 'http.request.method': '_OTHER', 'http.response.status_code': 503 }), 1],
  ])
  const { buckets } = durations[0]!.value as { buckets: { boundaries: number[] } }
  expect(buckets.boundaries).toEqual([
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ])
  const route: [string, string] = ['url.template', '/users/{id}']
  expect(await value('outrigger.client.attempts', route, ['outrigger.outcome', 'failure'])).toBe(1)
  expect(await value('outrigger.client.attempts', route, ['outrigger.outcome', 'success'])).toBe(1)
  expect(await value('outrigger.client.retries', route)).toBe(1)
  expect(await value('outrigger.client.breaker.transitions', ['outrigger.breaker.state', 'open'])).toBe(2)
  expect(await value('outrigger.client.instances', ['outrigger.instance.state', 'open'])).toBe(1)
  expect(await value('outrigger.client.instances', ['outrigger.instance.state', 'closed'])).toBe(1)
  expect(await value('outrigger.client.breakers', ['outrigger.breaker.state', 'open'])).toBe(2)
  expect(await value('outrigger.client.breakers', ['outrigger.breaker.state', 'closed'])).toBe(2)
  expect(await value('outrigger.client.budget')).toBe(9)
  for (const name of ['duration', 'attempts', 'instances']) {
    const points = [
      ...(await telemetry.points(`outrigger.client.${name}`)),
      ...(await telemetry.points(`http.client.request.${name}`)),
    ]
    expect(JSON.stringify(points)).not.toContain('127.0.0.1')
  }
})

it('refusals by reason, hedges, and attempts in flight and queued', async () => {
  await using server = await startServer(hang)
  await using other = await startServer(ok)
  await using client = clientOf([server.url, other.url], {
    routes: { 'GET /hedged': { hedge: { after: 1 } } },
    limit: { max: 1, queue: 5 },
    budget: { minPerSecond: 10 },
  })
  await client.ready()
  using _ = otel(client)
  await client('/hedged')
  expect(await value('outrigger.client.hedges', ['url.template', '/hedged'])).toBe(1)
  const controller = new AbortController()
  const calls = ['/a', '/b', '/c'].map((path) => client(path, { signal: controller.signal }).catch(() => {}))
  expect(await value('outrigger.client.in_flight')).toBe(1)
  expect(await value('outrigger.client.queued')).toBe(2)
  controller.abort()
  await Promise.all(calls)
  expect(await value('outrigger.client.in_flight')).toBe(0)
  const refused = clientOf([])
  const second = otel(refused)
  await refused.ready()
  await refused('/users/1').catch(() => {})
  expect(
    await value(
      'outrigger.client.refusals',
      ['error.type', 'ERR_OUTRIGGER_NO_INSTANCE'],
      ['url.template', '/users/{id}'],
    ),
  ).toBe(1)
  await refused.close()
  second.stop()
})

it('execute has its own histogram', async () => {
  await using client = clientOf(['http://127.0.0.1:1'])
  await client.ready()
  using _ = otel(client)
  await client.execute(() => 1)
  expect(counts(await telemetry.points('outrigger.client.execute.duration'))).toMatchObject([[{}, 1]])
  expect(await telemetry.points('http.client.request.duration')).toEqual([])
})

it('reports how long the registry has failed', async () => {
  let isDown = false
  const source = {
    async *watch(_service: string, { signal }: { signal: AbortSignal }) {
      if (isDown) throw new Error('gone')
      yield [{ id: 'a', url: 'http://127.0.0.1:1' }]
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 5)
        signal.addEventListener('abort', () => resolve())
      })
      isDown = true
    },
  }
  await using client = createClient({ service: 'user-service', source })
  using _ = otel(client)
  await client.ready()
  expect(await value('outrigger.client.source.stale')).toBe(0)
  await new Promise((resolve) => client.on('source:stale', resolve))
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(await value('outrigger.client.source.stale')).toBeGreaterThan(0)
  expect(client.snapshot()).toMatchObject({ stale: true, staleFor: expect.any(Number) as number })
})

it('the gauges of two clients of one service are added', async () => {
  await using one = clientOf(['http://127.0.0.1:1'])
  await using two = clientOf(['http://127.0.0.1:2', 'http://127.0.0.1:3'])
  await Promise.all([one.ready(), two.ready()])
  using _ = otel([one, two])
  expect(await value('outrigger.client.instances', ['outrigger.instance.state', 'closed'])).toBe(3)
})

it('values from callers do not create an unlimited number of series', async () => {
  await using client = clientOf(['http://127.0.0.1:1'])
  await client.ready()
  using _ = otel(client)
  for (let call = 0; call < 250; call++) {
    const error = Object.assign(new Error('boom'), { code: `E${call}` })
    await client
      .execute(() => Promise.reject(error), { route: `GET /r${call}/{id}`, idempotent: false })
      .catch(() => {})
  }
  const points = await telemetry.points('outrigger.client.execute.duration')
  const values = (name: string): Set<unknown> => new Set(points.map(({ attributes }) => attributes[name]))
  expect(values('url.template').size).toBeLessThan(202)
  expect(values('url.template')).toContain('other')
  expect(values('error.type').size).toBeLessThan(202)
})

it('instances are a label with the option instances', async () => {
  await using server = await startServer(ok)
  await using client = clientOf([server.url])
  await client.ready()
  using _ = otel(client, { instances: true })
  await client('/')
  expect(await value('outrigger.client.attempts', ['outrigger.instance.id', 'i0'])).toBe(1)
})

it('a very long instance id, or one with control characters, becomes a short label on one line', async () => {
  await using server = await startServer(ok)
  for (const [id, shown] of [
    ['x'.repeat(10_000), `${'x'.repeat(127)}…`],
    ['a\0b\r\nc', 'a\\u0000b c'],
  ] as const) {
    await using client = createClient({ service: 'svc', source: fixed([{ id, url: server.url }]) })
    await client.ready()
    using _ = otel(client, { instances: true })
    await client('/')
    expect(await value('outrigger.client.attempts', ['outrigger.instance.id', shown])).toBe(1)
    expect(telemetry.spans.at(-1)?.attributes['outrigger.instance.id']).toBe(shown)
  }
})

it('is recorded in the context of the span, as exemplars require', async () => {
  const recorded: (string | undefined)[] = []
  const note = (_value: number, _attributes?: object, within?: Context): void => {
    recorded.push(within && trace.getSpanContext(within)?.spanId)
  }
  const meter = telemetry.meterProvider.getMeter('outrigger')
  const noting = Object.assign(Object.create(meter) as typeof meter, {
    createHistogram: () => ({ record: note }),
  })
  const meterProvider: MeterProviderApi = { getMeter: () => noting }
  await using bad = await startServer(reply(503))
  await using good = await startServer(ok)
  await using client = clientOf([good.url, bad.url])
  await client.ready()
  using _ = otel(client, { meterProvider })
  await client('/a')
  expect(recorded).toEqual([telemetry.spans[0]?.spanContext().spanId])
})

it('only metrics, only spans, and nothing after stop()', async () => {
  await using server = await startServer(ok)
  await using client = clientOf([server.url])
  await client.ready()
  const metrics = otel(client, { traces: false })
  await client('/')
  expect(telemetry.spans).toEqual([])
  expect(server.headers[0]).not.toHaveProperty('traceparent')
  expect(await value('outrigger.client.attempts')).toBe(1)
  metrics.stop()
  metrics.stop()
  const spans = otel(client, { metrics: false })
  await client('/')
  expect(telemetry.spans).toHaveLength(1)
  expect(await value('outrigger.client.attempts')).toBe(1)
  // The client's state is no longer read.
  const snapshot = vi.spyOn(client, 'snapshot')
  await telemetry.points('outrigger.client.instances')
  expect(snapshot).not.toHaveBeenCalled()
  spans[Symbol.dispose]()
  await client('/')
  expect(telemetry.spans).toHaveLength(1)
})

it.each<[object, string]>([
  [{ trace: true }, 'did you mean traces?'],
  [{ traces: 1 }, 'otel().traces must be true or false, got 1'],
  [{ tracerProvider: {} }, 'otel().tracerProvider must have a method getTracer()'],
  [{ meterProvider: 5 }, 'otel().meterProvider must have a method getMeter()'],
])('refuses %o, and observes nothing', async (options, message) => {
  await using client = clientOf([])
  expect(() => otel(client, options as OtelOptions)).toThrow(message)
  otel(client).stop()
})

it('refuses a value that is not a client, and a client that is already observed', async () => {
  await using client = clientOf([])
  await using app = createFetch({ source: fixed([]), services: { a: {} } })
  expect(() => otel({} as Client)).toThrow('otel(client) must have a method on()')
  using _ = otel([client, client, app])
  expect(() => otel(client)).toThrow('already observed')
})
