import { AsyncLocalStorage } from 'node:async_hooks'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type ClientOptions, type OwnHeaders } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { reply, startServer, type TestServer } from '../support/http-server.ts'

const options = (server: TestServer, headers: OwnHeaders): ClientOptions => ({
  service: 'svc',
  source: fixed([server.url]),
  balance: inOrder,
  headers,
})

describe('headers', () => {
  it('are sent through every HTTP door, and the caller’s headers take precedence', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const headers = { 'X-Tenant': 'ours', 'x-team': 'payments' }
    await using client = createClient(options(server, headers))
    await client('/', { headers: { 'x-tenant': 'caller' } })
    await client(new Request('http://svc/', { headers: { 'x-tenant': 'caller' } }))
    await (await client.request('/', { headers: { 'X-TENANT': 'caller' } })).body.dump()
    await (
      await request('http://svc/', {
        dispatcher: client.dispatcher,
        headers: { 'x-tenant': 'caller' },
      })
    ).body.dump()
    await client('/')
    expect(server.headers.map((sent) => [sent['x-tenant'], sent['x-team']])).toEqual([
      ['caller', 'payments'],
      ['caller', 'payments'],
      ['caller', 'payments'],
      ['caller', 'payments'],
      ['ours', 'payments'],
    ])
  })

  it('of a route are added to the client’s, and replace those with the same name', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = createClient({
      ...options(server, { 'x-a': 'client', 'x-b': 'client' }),
      routes: { 'GET /r': { headers: () => ({ 'x-b': 'route' }) } },
    })
    await client('/r')
    await client('/other')
    expect(server.headers.map((sent) => [sent['x-a'], sent['x-b']])).toEqual([
      ['client', 'route'],
      ['client', 'client'],
    ])
  })

  it('from a function are computed before each try, in the async context of the call', async () => {
    const users = new AsyncLocalStorage<string>()
    await using server = await startServer(reply(503))
    const asked: unknown[] = []
    await using client = createClient({
      ...options(server, async ({ attempt, service, path }) => {
        await new Promise((resume) => setTimeout(resume, 5))
        asked.push([users.getStore(), attempt, service, path])
        return { authorization: `Bearer ${users.getStore()}-${attempt}` }
      }),
      retry: { attempts: 2, backoff: { initial: 1, max: 1 } },
      breaker: false,
    })
    await Promise.all([users.run('alice', () => client('/a')), users.run('bob', () => client('/b'))])
    expect(
      new Set(server.requests.map((path, index) => `${path} ${server.headers[index]?.authorization}`)),
    ).toEqual(
      new Set([
        'GET /a Bearer alice-1',
        'GET /a Bearer alice-2',
        'GET /b Bearer bob-1',
        'GET /b Bearer bob-2',
      ]),
    )
    expect(asked).toHaveLength(4)
  })

  it.each<[string, OwnHeaders, string | RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no token')
      },
      'no token',
    ],
    ['rejects', () => Promise.reject(new Error('no token')), 'no token'],
    ['returns a number', () => 5 as never, 'what headers() returns must be an object'],
    [
      'returns a token',
      () => 'secret' as never,
      /must be an object of header names and values, got a string$/,
    ],
    ['returns a line break', () => ({ 'x-a': 'b\r\nx-c: d' }), 'a header that cannot be sent'],
    ['returns no text', () => ({ 'x-a': 5 }) as never, "must have strings as values, got a number for 'x-a'"],
  ])(
    'from a function that %s fail only the call for which it was called',
    async (_name, headers, message) => {
      await using server = await startServer(reply(200, 'ok'))
      let isBad = true
      const ask: OwnHeaders = (about) => (isBad ? (headers as (about: object) => never)(about) : {})
      await using client = createClient(options(server, ask))
      await expect(client('/')).rejects.toThrow(message)
      await expect(client.request('/')).rejects.toThrow(message)
      await expect(request('http://svc/', { dispatcher: client.dispatcher })).rejects.toThrow(message)
      expect(server.requests).toEqual([])
      isBad = false
      expect((await client('/')).status).toBe(200)
      expect(client.snapshot().instances).toMatchObject([
        { inFlight: 0, breaker: 'closed', settled: { failure: 0 } },
      ])
    },
  )

  it('that stay pending end at the deadline, the caller’s abort or close(), without load or timers left', async () => {
    await using server = await startServer(reply(200, 'ok'))
    const client = createClient({
      ...options(server, () => new Promise(() => {})),
      timeout: 100,
      drainTimeout: 50,
    })
    await expect(client('/')).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(client('/', { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    const controller = new AbortController()
    const aborted = client.request('/', { signal: controller.signal })
    controller.abort(new Error('mine'))
    await expect(aborted).rejects.toThrow('mine')
    expect(client.snapshot().instances).toMatchObject([{ inFlight: 0, settled: { failure: 0 } }])
    await client.close()
    expect(server.requests).toEqual([])
  })

  it.each<[object, string]>([
    [{ headers: 5 }, 'headers must be an object'],
    [{ headers: { 'bad name': 'x' } }, 'headers has a header that cannot be sent'],
    [{ headers: { a: 5 } }, "headers must have strings as values, got a number for 'a'"],
    [{ headers: () => ({}), coalesce: true }, 'coalesce cannot be used with a function as headers'],
    [
      {
        headers: () => ({}),
        routes: { 'GET /x': { stale: { maxAge: 1000 } } },
      },
      "stale of 'GET /x' cannot be used",
    ],
  ])('are refused as %o', async (given, message) => {
    await using server = await startServer(reply(200, 'ok'))
    expect(() => createClient({ ...options(server, {}), ...given })).toThrow(message)
  })
})
