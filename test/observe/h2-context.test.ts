import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanKind, trace } from '@opentelemetry/api'
import { request } from 'undici'
import { expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { otel } from '../../src/otel.ts'
import { startTelemetry } from '../otel/telemetry.ts'
import { cert, startSecureServer } from '../support/tls.ts'

const user = new AsyncLocalStorage<string>()

const DOORS: Record<string, (client: Client, path: string) => Promise<unknown>> = {
  fetch: async (client, path) => (await client(`https://user-service${path}`)).text(),
  request: async (client, path) => (await client.request(`https://user-service${path}`)).body.text(),
  dispatcher: async (client, path) => {
    const { body } = await request(`https://user-service${path}`, { dispatcher: client.dispatcher })
    return body.text()
  },
}

const clientOf = (url: string): Client =>
  createClient({
    service: 'user-service',
    source: fixed([url]),
    // All requests are streams of one connection. The first request has opened it.
    transport: { connections: 1, allowH2: true, connect: { ca: cert } },
    classify: () => {
      asked.push(user.getStore())
      return undefined
    },
  })
let asked: unknown[] = []

const USERS = Array.from({ length: 12 }, (_each, index) => `user-${index}`)

it.each(Object.entries(DOORS))(
  'streams of one HTTP/2 connection run in the context of their own call, through %s',
  async (_name, door) => {
    await using server = await startSecureServer()
    await using client = clientOf(server.url)
    await client.ready()
    asked = []
    const heard: string[] = []
    for (const event of ['call:start', 'attempt:start', 'attempt', 'call', 'call:end'] as const) {
      client.on(event, ({ id }) => heard.push(`${event} ${id} ${user.getStore()}`))
    }
    await user.run('opener', () => door(client, '/'))
    await Promise.all(USERS.map((each) => user.run(each, () => door(client, `/${each}`))))
    expect(server.seen.every((line) => line.startsWith('2.0 '))).toBe(true)
    expect(server.seen).toHaveLength(13)
    const owners = new Map<string, Set<string>>()
    for (const line of heard) {
      const [, id = '', owner = ''] = line.split(' ')
      owners.set(id, (owners.get(id) ?? new Set()).add(owner))
    }
    expect([...owners.values()].every((each) => each.size === 1)).toBe(true)
    expect(new Set([...owners.values()].flatMap((each) => [...each]))).toEqual(new Set(['opener', ...USERS]))
    expect(heard).toHaveLength(13 * 5)
    expect(new Set(asked)).toEqual(new Set(['opener', ...USERS]))
    expect(asked).toHaveLength(13)
  },
)

it.each(Object.entries(DOORS))(
  'spans of streams of one HTTP/2 connection belong to their own call, through %s',
  async (_name, door) => {
    await using telemetry = startTelemetry()
    await using server = await startSecureServer()
    await using client = clientOf(server.url)
    await client.ready()
    using _ = otel(client)
    const tracer = trace.getTracer('test')
    const call = (each: string): Promise<void> =>
      tracer.startActiveSpan(each, async (span) => {
        await door(client, `/${each}`)
        span.end()
      })
    await call('opener')
    await Promise.all(USERS.map(call))
    const attempts = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)
    expect(attempts).toHaveLength(13)
    for (const { attributes, parentSpanContext } of attempts) {
      expect(attributes['url.full']).toMatch(/^https:\/\/user-service\//)
      const [own] = telemetry.named(String(attributes['url.full']).split('/').at(-1)!)
      expect(parentSpanContext?.spanId).toBe(own?.spanContext().spanId)
    }
  },
)
