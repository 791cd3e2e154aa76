import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createClient,
  createFetch,
  type Client,
  type ClientOptions,
  type FetchOptions,
} from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { ok, redirect, reply, startServer, type TestServer } from '../support/http-server.ts'

const original = globalThis.fetch

afterEach(() => {
  globalThis.fetch = original
})

const options = (...urls: string[]): ClientOptions => ({ service: 'user-service', source: fixed(urls) })

/** A client of one server, and a server of no client. */
async function setUp(): Promise<
  { server: TestServer; stranger: TestServer; users: Client } & AsyncDisposable
> {
  const server = await startServer(reply(200, 'users'))
  const stranger = await startServer(reply(200, 'stranger'))
  const users = createClient(options(server.url))
  return {
    server,
    stranger,
    users,
    [Symbol.asyncDispose]: async () => {
      await users.close()
      await Promise.all([server.close(), stranger.close()])
    },
  }
}

describe('createFetch', () => {
  it('sends calls of each host to its client, and all others to the platform', async () => {
    await using orderServer = await startServer(reply(200, 'orders'))
    await using orders = createClient({ service: 'order-service:8080', source: fixed([orderServer.url]) })
    await using all = await setUp()
    const { users, stranger } = all
    const appFetch = createFetch({ services: { 'user-service': users, 'order-service:8080': orders } })
    expect(await (await appFetch('http://user-service/')).text()).toBe('users')
    expect(await (await appFetch(new URL('http://USER-SERVICE/'))).text()).toBe('users')
    expect(await (await appFetch(new Request('http://order-service:8080/'))).text()).toBe('orders')
    expect(await (await appFetch(stranger.url)).text()).toBe('stranger')
    expect(stranger.headers[0]).toMatchObject({ host: stranger.host })
  })

  it('distinguishes ports of a host', async () => {
    await using all = await setUp()
    const appFetch = createFetch({ services: { 'user-service': all.users }, otherwise: 'deny' })
    await expect(appFetch('http://user-service:8080/')).rejects.toMatchObject({
      code: 'ERR_OUTRIGGER_DENIED',
    })
    expect((await appFetch('http://user-service:80/')).status).toBe(200)
  })

  it('rejects other hosts with otherwise: deny', async () => {
    await using all = await setUp()
    const appFetch = createFetch({ services: { 'user-service': all.users }, otherwise: 'deny' })
    await expect(appFetch(all.stranger.url)).rejects.toMatchObject({
      name: 'OutriggerError',
      code: 'ERR_OUTRIGGER_DENIED',
    })
    expect(all.stranger.connections).toBe(0)
    expect((await appFetch('http://user-service/')).status).toBe(200)
  })

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'createFetch()'],
    ['no services', {}, 'services'],
    ['a service that is no client', { services: { a: () => {} } }, "services['a']"],
    ['a name that is no host', { services: { 'a b': undefined } }, "services['a b']"],
    ['an unknown otherwise', { services: {}, otherwise: 'maybe' }, 'otherwise'],
    ['an unknown option', { services: {}, fallback: 1 }, 'fallback'],
  ])('refuses %s', (_name, bad, named) => {
    expect(() => createFetch(bad as FetchOptions)).toThrow(TypeError)
    expect(() => createFetch(bad as FetchOptions)).toThrow(named)
  })

  it('rejects a client under another name than its service', async () => {
    await using all = await setUp()
    expect(() => createFetch({ services: { users: all.users } })).toThrow(
      "services['users'] is a client of 'user-service'",
    )
  })
})

describe('as globalThis.fetch,', () => {
  it('a createFetch serves its services and passes other hosts on, without recursion', async () => {
    await using all = await setUp()
    globalThis.fetch = createFetch({ services: { 'user-service': all.users } })
    expect(await (await fetch('http://user-service/')).text()).toBe('users')
    expect(await (await fetch(all.stranger.url)).text()).toBe('stranger')
    expect(all.server.requests).toHaveLength(1)
    expect(all.stranger.requests).toHaveLength(1)
  })

  it('a client serves its service and passes other hosts on, without recursion', async () => {
    await using all = await setUp()
    globalThis.fetch = all.users
    expect(await (await fetch('http://user-service/')).text()).toBe('users')
    expect(await (await fetch(all.stranger.url)).text()).toBe('stranger')
    expect(await (await fetch(new Request(all.stranger.url))).text()).toBe('stranger')
    expect(await (await fetch(new Request('http://user-service/'))).text()).toBe('users')
  })

  it('a client that is made after another one was made global passes other hosts on to that one', async () => {
    await using all = await setUp()
    await using orderServer = await startServer(reply(200, 'orders'))
    globalThis.fetch = all.users
    await using orders = createClient({ service: 'order-service', source: fixed([orderServer.url]) })
    globalThis.fetch = orders
    expect(await (await fetch('http://order-service/')).text()).toBe('orders')
    expect(await (await fetch('http://user-service/')).text()).toBe('users')
    expect(await (await fetch(all.stranger.url)).text()).toBe('stranger')
  })

  const wrappers: [string, (inner: typeof fetch) => typeof fetch][] = [
    ['a synchronous wrapper', (inner) => (input, init) => inner(input, init)],
    [
      'an asynchronous wrapper',
      (inner) => async (input, init) => {
        await sleep(1)
        return inner(input, init)
      },
    ],
    [
      'a wrapper that copies init',
      (inner) => async (input, init) => {
        await sleep(1)
        return inner(input, { ...init, keepalive: false })
      },
    ],
    ['a wrapper that makes a Request', (inner) => (input, init) => inner(new Request(input, init))],
  ]

  it.each(wrappers)('a client behind %s does not call itself endlessly', async (_name, wrap) => {
    await using all = await setUp()
    globalThis.fetch = wrap(all.users)
    expect(await (await fetch('http://user-service/')).text()).toBe('users')
    expect(await (await fetch(all.stranger.url)).text()).toBe('stranger')
    expect(await (await fetch('http://user-service/', { method: 'POST', body: 'x' })).text()).toBe('users')
    expect(all.server.requests).toHaveLength(2)
    expect(all.stranger.requests).toHaveLength(1)
  })

  it.each(wrappers)('a createFetch behind %s does not call itself endlessly', async (_name, wrap) => {
    await using all = await setUp()
    globalThis.fetch = wrap(createFetch({ services: { 'user-service': all.users } }))
    expect(await (await fetch('http://user-service/')).text()).toBe('users')
    expect(await (await fetch(all.stranger.url)).text()).toBe('stranger')
  })

  it('a patch that is applied after the client was made sees its calls, with the logical URL', async () => {
    await using all = await setUp()
    const seen: string[] = []
    globalThis.fetch = (input, init) => {
      seen.push(input as string)
      return original(input, init)
    }
    await (await all.users('/users/42')).text()
    await (await all.users(all.stranger.url)).text()
    expect(seen).toEqual(['http://user-service/users/42', all.stranger.url])
  })

  it('the response of a mock is the result of the attempt', async () => {
    await using all = await setUp()
    globalThis.fetch = async () => new Response('mocked', { status: 500 })
    const response = await all.users('/', { method: 'POST' })
    expect(await response.text()).toBe('mocked')
    expect(all.users.snapshot().instances).toMatchObject([{ inFlight: 0, settled: { failure: 1 } }])
  })

  it('the error of a mock is the error of the call', async () => {
    await using all = await setUp()
    const error = new Error('no network in tests')
    globalThis.fetch = async () => {
      throw error
    }
    await expect(all.users('/', { method: 'POST' })).rejects.toBe(error)
    expect(all.users.snapshot().instances).toMatchObject([{ inFlight: 0 }])
  })
})

describe('a request to another host', () => {
  it('reaches the platform’s fetch unchanged', async () => {
    await using all = await setUp()
    const calls: unknown[][] = []
    globalThis.fetch = (...args) => {
      calls.push(args)
      return original(...args)
    }
    await using users = createClient(options(all.server.url))
    const init = Object.freeze({ headers: { 'x-a': '1' } })
    await (await users(all.stranger.url, init)).text()
    expect(calls).toHaveLength(1)
    expect(calls[0]?.[0]).toBe(all.stranger.url)
    expect(calls[0]?.[1]).toBe(init)
  })

  it('is neither retried nor counted', async () => {
    await using stranger = await startServer(reply(503))
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    expect((await client(stranger.url)).status).toBe(503)
    expect(stranger.requests).toHaveLength(1)
    expect(client.snapshot().instances).toMatchObject([{ settled: { success: 0, failure: 0 } }])
  })

  it('is rejected by request(), which has no platform to pass it on to', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await expect(client.request('http://elsewhere/')).rejects.toThrow('elsewhere')
  })

  it('is passed on also after a redirect back to the service', async () => {
    await using all = await setUp()
    all.stranger.behave(redirect('http://user-service/back'))
    globalThis.fetch = all.users
    // The platform follows the redirect, and cannot resolve the service's name.
    await expect(fetch(all.stranger.url)).rejects.toThrow(TypeError)
    expect(all.server.requests).toEqual([])
  })
})

describe('an object of the caller', () => {
  it('is not changed, so options, init and headers may be frozen', async () => {
    await using server = await startServer(reply(503), ok)
    const breaker = Object.freeze({ failureThreshold: 3 })
    const clientOptions: ClientOptions = Object.freeze({
      ...options(server.url),
      breaker,
      retry: Object.freeze({ backoff: 0 }),
      timeout: Object.freeze({ attempt: 5000 }),
      transport: Object.freeze({ connections: 3 }),
      routes: Object.freeze({ 'PUT /users/{id}': Object.freeze({ breaker }) }),
    })
    await using client = createClient(clientOptions)
    const init = Object.freeze({
      method: 'PUT',
      headers: Object.freeze({ 'x-a': '1' }),
      body: 'x',
      params: Object.freeze({ id: 1 }),
      query: Object.freeze({ a: Object.freeze(['1', '2']) }),
    })
    expect((await client('PUT /users/{id}', init)).status).toBe(200)
    expect(server.requests).toEqual(['PUT /users/1?a=1&a=2', 'PUT /users/1?a=1&a=2'])
    const post = Object.freeze({ method: 'POST', json: Object.freeze({ a: 1 }) })
    expect((await client('/', post)).status).toBe(200)
    const requestOptions = Object.freeze({ method: 'PUT', headers: init.headers, body: 'x' } as const)
    expect((await client.request('/', requestOptions)).statusCode).toBe(200)
  })

  it('is copied, so a later change of the options has no effect', async () => {
    await using server = await startServer(reply(503))
    const routes: ClientOptions['routes'] = {}
    const clientOptions: ClientOptions = { ...options(server.url), retry: false, routes }
    await using client = createClient(clientOptions)
    clientOptions.retry = {}
    routes['/'] = { retry: {} }
    expect((await client('/')).status).toBe(503)
    expect(server.requests).toHaveLength(1)
  })
})
