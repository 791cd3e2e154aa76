import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { startServer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
let client: Client
beforeAll(async () => {
  server = await startServer()
  client = createClient({ service: 'svc', source: fixed([server.url]), retry: false, breaker: false })
  await client.ready()
})
afterAll(async () => {
  await client.close()
  await server.close()
})

const thrower = (): never => {
  throw new Error('thrown by the caller')
}

/** Each member throws at another point between the pick and the response. */
const broken = fc.oneof(
  fc.constant({ method: 'CONNECT' }),
  fc.record({ highWaterMark: fc.oneof(fc.integer({ max: -1 }), fc.string(), fc.constant({})) }),
  fc.record({ onInfo: fc.oneof(fc.integer(), fc.constant(thrower)) }),
  fc.record({
    headers: fc.oneof(fc.integer(), fc.string({ minLength: 1 }), fc.constant(['odd']), fc.constant([1, 2])),
  }),
  fc.record({
    headers: fc.constant({
      [Symbol.iterator]: thrower,
    }),
  }),
  fc.record({ body: fc.oneof(fc.integer(), fc.constant({})), method: fc.constant('POST') }),
  fc.record({ bodyTimeout: fc.oneof(fc.integer({ max: -1 }), fc.string()) }),
  fc.record({ upgrade: fc.oneof(fc.boolean(), fc.integer()) }),
  fc.record({ responseHeaders: fc.anything() }),
  fc.record({ method: fc.oneof(fc.string(), fc.integer(), fc.constant(null)) }),
)

async function isIdle(): Promise<void> {
  await until(() =>
    client.snapshot().instances.every(({ inFlight, pending }) => inFlight === 0 && pending === 0),
  )
}

describe('the attempt of an invalid request is released', () => {
  it('through request()', async () => {
    await fc.assert(
      fc.asyncProperty(broken, async (options) => {
        const ended = client.request('/x', options as object).then(({ body }) => body.dump())
        await ended.catch(() => {})
        await isIdle()
        expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0, pending: 0 })
      }),
      { numRuns: 100 },
    )
  })

  it('through the dispatcher', async () => {
    await fc.assert(
      fc.asyncProperty(broken, async (options) => {
        const request = { origin: 'http://svc', path: '/x', method: 'GET', ...options }
        const ended = client.dispatcher.request(request as never).then(({ body }) => body.dump())
        await ended.catch(() => {})
        await isIdle()
        expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0, pending: 0 })
      }),
      { numRuns: 100 },
    )
  })
})
