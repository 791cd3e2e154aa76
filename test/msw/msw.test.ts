import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { request } from 'undici'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client } from '../../src/index.ts'
import { identity } from '../../src/testing/identity.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf } from '../support/events.ts'
import { refusedUrl } from '../support/http-server.ts'

/** An application's handlers, which know nothing of any instance. */
const server = setupServer(
  http.get('http://user-service/users/:id', ({ params, request }) =>
    HttpResponse.json({ id: params['id'], host: request.headers.get('host'), url: request.url }),
  ),
  http.post('http://user-service/users', async ({ request }) =>
    HttpResponse.json(await request.json(), { status: 201 }),
  ),
)

beforeAll(() => server.listen({ onUnhandledFrame: 'error' }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

const portOf = (url: string): string => new URL(url).port

const users = (options: Partial<Parameters<typeof createClient>[0]> = {}): Client =>
  createClient({ service: 'user-service', source: identity(), ...options })

describe('with the identity source, an application’s own MSW handlers', () => {
  it('answer calls by path, by URL and by route key', async () => {
    await using client = users()
    const expected = { id: '42', url: 'http://user-service/users/42' }
    for (const call of [
      () => client('/users/42'),
      () => client('http://user-service/users/42'),
      () => client('GET /users/{id}', { params: { id: 42 } }),
    ]) {
      expect(await (await call()).json()).toMatchObject(expected)
    }
  })

  it('see the request’s body and method', async () => {
    await using client = users()
    const response = await client('/users', { method: 'POST', json: { name: 'Ada' } })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ name: 'Ada' })
  })

  it('answer through createFetch', async () => {
    await using client = users()
    const appFetch = createFetch({ services: { 'user-service': client } })
    expect(await (await appFetch('http://user-service/users/7')).json()).toMatchObject({ id: '7' })
  })

  it('can fail, and are retried, broken and counted like a server', async () => {
    let tries = 0
    server.use(
      http.get('http://user-service/flaky', () =>
        ++tries < 3 ? new HttpResponse(null, { status: 503 }) : HttpResponse.text('third'),
      ),
    )
    await using client = users({ retry: { attempts: 3, backoff: 0 } })
    expect(await (await client('/flaky')).text()).toBe('third')
    expect(instanceOf(client, 'user-service')).toMatchObject({
      inFlight: 0,
      settled: { success: 1, failure: 2 },
    })
  })

  it('can fail at the network, which opens the breaker', async () => {
    server.use(http.get('http://user-service/down', () => HttpResponse.error()))
    await using client = users({ retry: false, breaker: { failureThreshold: 2 } })
    const opened = collect(client, 'breaker:open')
    for (let call = 0; call < 2; call++) await expect(client('/down')).rejects.toThrow(TypeError)
    await expect(client('/down')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
    expect(opened).toHaveLength(1)
  })

  it('can hang, and are given up', async () => {
    server.use(http.get('http://user-service/hangs', () => new Promise<never>(() => {})))
    await using client = users({ timeout: 50 })
    await expect(client('/hangs')).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('serve a service with a port', async () => {
    server.use(http.get('http://order-service:8080/', () => HttpResponse.text('orders')))
    await using client = createClient({ service: 'order-service:8080', source: identity() })
    expect(await (await client('/')).text()).toBe('orders')
  })
})

describe('with several instances, MSW handlers', () => {
  // MSW puts a URL together from the request's Host and the socket's port.
  it('on the logical host and an instance’s port give each instance its own behaviour', async () => {
    const [first, second] = [await refusedUrl(), await refusedUrl()]
    server.use(
      http.get(`http://user-service:${portOf(first)}/`, () => new HttpResponse(null, { status: 503 })),
      http.get(`http://user-service:${portOf(second)}/`, () => HttpResponse.text('second')),
    )
    await using client = users({
      source: fixed([first, second]),
      balance: inOrder,
      retry: { attempts: 2, backoff: 0 },
    })
    expect(await (await client('/')).text()).toBe('second')
    expect(instanceOf(client, new URL(first).host).settled).toMatchObject({ failure: 1 })
    expect(instanceOf(client, new URL(second).host).settled).toMatchObject({ success: 1 })
  })
})

describe('without MSW, because it intercepts fetch and node:http but not npm undici,', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['request()', (client) => client.request('/users/42')],
    ['the dispatcher', ({ dispatcher }) => request('http://user-service/users/42', { dispatcher })],
  ])('%s goes to the instance itself', async (_door, call) => {
    await using client = users({ source: fixed([await refusedUrl()]), retry: false })
    await expect(call(client)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('identity()', () => {
  it('gives a service its own origin as the only instance', async () => {
    const { signal } = new AbortController()
    for await (const snapshot of identity().watch('user-service', { signal })) {
      expect(snapshot).toEqual([{ id: 'user-service', url: 'http://user-service' }])
      break
    }
    for await (const snapshot of identity({ protocol: 'https' }).watch('a:8443', { signal })) {
      expect(snapshot).toEqual([{ id: 'a:8443', url: 'https://a:8443' }])
      break
    }
  })

  it.each([[{ protocol: 'h2' }], [{ port: 1 }], [5]])('refuses %j', (options) => {
    expect(() => identity(options as never)).toThrow(TypeError)
  })
})
