import { tracingChannel } from 'node:diagnostics_channel'
import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { startServer, type TestServer } from '../support/http-server.ts'

/** Members that an old library or an attacker has added to every object. The last one is not a valid header. */
const ADDED: Record<string, unknown> = {
  'x-added': 'added',
  host: 'added',
  'content-length': '5, 5',
  plus: () => 'added',
  broken: 'a\r\nb: c',
}

/** The prototype of every object. */
const EVERYTHING = Object.getPrototypeOf({}) as object

let server: TestServer
let client: Client
beforeEach(async () => {
  server = await startServer((asked, response) => response.end(asked.rawHeaders.join('|').toLowerCase()))
  for (const [name, value] of Object.entries(ADDED)) {
    Object.defineProperty(EVERYTHING, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
})
afterEach(async () => {
  for (const name of Object.keys(ADDED)) Reflect.deleteProperty(EVERYTHING, name)
  await client.close()
  await server.close()
})

const DOORS: [name: string, call: (headers?: Record<string, string>) => Promise<string>][] = [
  ['fetch', async (headers) => (await client('/a', headers && { headers })).text()],
  ['request()', async (headers) => (await client.request('/a', headers && { headers })).body.text()],
  [
    'a dispatcher',
    async (headers = {}) =>
      (await request('http://svc/a', { dispatcher: client.dispatcher, headers })).body.text(),
  ],
]
const CLIENTS: [name: string, options: Partial<ClientOptions>][] = [
  ['no options', {}],
  ['fetch: platform', { fetch: 'platform' }],
  ['headers', { headers: { 'x-own': 'own' } }],
  ['headers, stale and coalesce', { headers: { 'x-own': 'own' }, stale: { maxAge: 1_000 }, coalesce: true }],
  ['headers()', { headers: () => ({ 'x-own': 'own' }) }],
  ['attemptHeader', { attemptHeader: 'x-attempt', deadline: { header: 'x-deadline' } }],
]

describe.each(CLIENTS)('with %s', (_name, options) => {
  it.each(DOORS)(
    'members of Object.prototype are not sent as headers of a call through %s',
    async (_door, call) => {
      client = createClient({ service: 'svc', source: fixed([server.url]), ...options })
      const traced = tracingChannel<unknown, { headers: Record<string, string> }>('outrigger:attempt')
      const tracer = (message: unknown): void => {
        ;(message as { headers: Record<string, string> }).headers['x-traced'] = 'traced'
      }
      // The second call of a shape uses the fast path.
      for (const headers of [undefined, undefined, { 'x-call': 'call' }, { 'x-call': 'call' }]) {
        const plain = await call(headers)
        traced.start.subscribe(tracer)
        const told = await call(headers).finally(() => traced.start.unsubscribe(tracer))
        for (const text of [plain, told]) {
          expect(text).not.toContain('added')
          expect(text).toContain('host|svc')
          expect(text.includes('x-call')).toBe(headers !== undefined)
        }
        expect(told).toContain('x-traced|traced')
      }
    },
  )
})
