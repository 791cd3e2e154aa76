import { trace } from '@opentelemetry/api'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClient, fixed } from '../../src/index.ts'
import { otel } from '../../src/otel.ts'
import { prometheus } from '../../src/prometheus.ts'
import { reply, startServer } from '../support/http-server.ts'
import { startTelemetry, type Telemetry } from '../otel/telemetry.ts'

let telemetry: Telemetry
beforeEach(() => {
  telemetry = startTelemetry()
})
afterEach(async () => {
  await telemetry[Symbol.asyncDispose]()
})

/** Returns the trace ids of the exemplars of a route's `call_duration_seconds`. */
function tracesOf(text: string, route: string): string[] {
  const pattern =
    /^outrigger_call_duration_seconds_bucket\{(.*)\} \d+ # \{trace_id="([^"]*)",span_id="[^"]*"\}/
  return text.split('\n').flatMap((line) => {
    const [, labels, traceId] = pattern.exec(line) ?? []
    return labels?.includes(`route="${route}"`) && traceId !== undefined ? [traceId] : []
  })
}

/** The trace of the user who makes the call. */
async function asUser(name: string, call: () => Promise<unknown>): Promise<string> {
  return trace.getTracer('app').startActiveSpan(name, async (span) => {
    await call()
    span.end()
    return span.spanContext().traceId
  })
}

test.each([
  ['with spans of outrigger/otel', true],
  ['with the application’s own spans only', false],
])('an exemplar has the trace of the user who made the call, %s', async (_name, traced) => {
  // One connection carries all requests. It was opened in the context of the first user.
  await using server = await startServer((request, response) => {
    const slow = request.url === '/slow'
    setTimeout(() => reply(200, 'ok')(request, response), slow ? 20 : 0)
  })
  await using client = createClient({
    service: 'user-service',
    source: fixed([server.url]),
    transport: { connections: 1 },
    routes: { 'GET /a': {}, 'GET /b': {}, 'GET /slow': {} },
  })
  const register = new Registry()
  register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  using _ = traced ? otel(client) : undefined
  prometheus(client, {
    register,
    exemplars: () => {
      const span = trace.getActiveSpan()?.spanContext()
      return span && { trace_id: span.traceId, span_id: span.spanId }
    },
  })
  const get = (path: string) => async (): Promise<string> => (await client(path)).text()
  const [slow, a, b] = await Promise.all([
    asUser('slow', get('/slow')),
    asUser('a', get('/a')),
    asUser('b', get('/b')),
  ])
  const text = await register.metrics()
  expect({
    slow: tracesOf(text, 'GET /slow'),
    a: tracesOf(text, 'GET /a'),
    b: tracesOf(text, 'GET /b'),
  }).toEqual({ slow: [slow], a: [a], b: [b] })
})
