import { context, trace, type Context, type Span, type TracerProvider } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace-base'
import { afterEach, expect, it, vi } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { otel } from '../../src/otel.ts'
import { ok, startServer, type TestServer } from '../support/http-server.ts'
import { startTelemetry } from './telemetry.ts'
import { waitFor } from '../support/wait-for.ts'

const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
afterEach(() => {
  warn.mockClear()
})

const clientOf = (server: TestServer): Client => createClient({ service: 'svc', source: fixed([server.url]) })

const boom = (): never => {
  throw new Error('boom')
}

it.each<[string, TracerProvider]>([
  [
    'getTracer() gives a tracer that throws',
    { getTracer: () => ({ startSpan: boom, startActiveSpan: boom }) },
  ],
  [
    'every method of its spans throws',
    {
      getTracer: () => ({
        startActiveSpan: boom,
        startSpan: () => new Proxy({}, { get: () => boom }) as Span,
      }),
    },
  ],
])('calls continue when %s', async (_what, tracerProvider) => {
  await using telemetry = startTelemetry()
  await using server = await startServer(ok)
  await using client = clientOf(server)
  await client.ready()
  using _ = otel(client, { tracerProvider })
  expect(await (await client('/')).text()).toBe('ok')
  expect(await (await client.request('/')).body.text()).toBe('ok')
  expect(await client.execute(() => 1)).toBe(1)
  expect(server.requests).toHaveLength(2)
  expect(warn).toHaveBeenCalled()
  // Metrics do not depend on the tracer.
  const [attempts] = await telemetry.points('outrigger.client.attempts')
  expect(attempts?.value).toBe(3)
})

it('calls continue when the exporter throws', async () => {
  const exporter: SpanExporter = { export: boom, shutdown: () => Promise.resolve() }
  await using telemetry = startTelemetry(exporter)
  await using server = await startServer(ok)
  await using client = clientOf(server)
  await client.ready()
  using _ = otel(client)
  expect(await (await client('/')).text()).toBe('ok')
  expect(telemetry.spans).toEqual([])
})

it('a request is sent once when the context manager throws, or runs its function twice', async () => {
  await using telemetry = startTelemetry()
  await using server = await startServer(ok)
  await using client = clientOf(server)
  await client.ready()
  using _ = otel(client)
  const within = vi.spyOn(context as { with(given: Context, run: () => unknown): unknown }, 'with')
  try {
    within.mockImplementation(boom)
    expect(await (await client('/')).text()).toBe('ok')
    within.mockImplementation((_given, run) => [run(), run()])
    expect(await (await client('/')).text()).toBe('ok')
    within.mockImplementation(() => undefined)
    expect(await (await client('/')).text()).toBe('ok')
  } finally {
    within.mockRestore()
  }
  expect(server.requests).toHaveLength(3)
  expect(telemetry.named('GET')).not.toEqual([])
})

it('without an SDK, no header is sent and calls work', async () => {
  await using server = await startServer(ok)
  await using client = clientOf(server)
  await client.ready()
  using _ = otel(client)
  await (await client('/')).text()
  expect(server.headers[0]).not.toHaveProperty('traceparent')
  expect(trace.getActiveSpan()).toBeUndefined()
  expect(warn).not.toHaveBeenCalled()
})

it('stop() during a call ends its spans, and the call continues', async () => {
  await using telemetry = startTelemetry()
  await using server = await startServer(
    (_request, response) => void setTimeout(() => response.end('ok'), 20),
  )
  await using client = clientOf(server)
  await client.ready()
  const handle = otel(client)
  const call = client('/')
  await server.seen(1)
  handle.stop()
  expect(telemetry.spans).toHaveLength(1)
  expect(await (await call).text()).toBe('ok')
  expect(telemetry.spans).toHaveLength(1)
})

it('no data of ended calls is kept, however they ended', async () => {
  const { Spans } = await import('../../src/otel/spans.ts')
  await using telemetry = startTelemetry()
  await using server = await startServer((request, response) => {
    if (request.url !== '/hang') response.end('ok')
  })
  await using client = clientOf(server)
  await client.ready()
  const spans = new Spans(telemetry.tracerProvider.getTracer('test'))
  client.on('call:start', (event) => spans.callStarted(event))
  client.on('attempt:start', (event) => spans.attemptStarted(event))
  client.on('attempt', (event) => void spans.attemptEnded(event))
  client.on('call', (event) => void spans.callEnded(event))
  await (await client('/')).text()
  await client('/hang', { signal: AbortSignal.timeout(10) }).catch(() => {})
  await client('/', { signal: AbortSignal.abort() }).catch(() => {})
  await client('/', { deadline: Number.NaN }).catch(() => {})
  await client.execute(boom).catch(() => {})
  await client.request('/hang', { signal: AbortSignal.timeout(10) }).catch(() => {})
  await waitFor(() => expect(spans.size).toBe(0))
  expect(telemetry.spans.length).toBeGreaterThan(3)
})
