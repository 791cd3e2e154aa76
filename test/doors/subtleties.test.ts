import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf, outcomes } from '../support/events.ts'
import { ok, redirect, reply, startServer } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  retry: { attempts: 3, backoff: 0 },
})

const doors: [string, (client: Client, url: string, headers?: Record<string, string>) => Promise<string>][] =
  [
    ['fetch', async (client, url, headers = {}) => (await client(url, { headers })).text()],
    ['request', async (client, url, headers = {}) => (await client.request(url, { headers })).body.text()],
    [
      'the dispatcher',
      async ({ dispatcher }, url, headers = {}) => (await request(url, { dispatcher, headers })).body.text(),
    ],
  ]

const secrets = { authorization: 'a', cookie: 'b=c', 'x-kept': 'd' }

describe('credentials of a request that is redirected', () => {
  it('are kept on the logical host, on any instance', async () => {
    await using here = await startServer(redirect('http://user-service/there'))
    await using there = await startServer(ok)
    let turn = 0
    await using client = createClient({
      ...options(here.url, there.url),
      balance: (endpoints) => endpoints[turn++],
    })
    await client('/', { headers: secrets })
    expect(there.headers[0]).toMatchObject({ ...secrets, host: 'user-service' })
  })

  it('are removed on the way to the instance’s own address, because for fetch this is another origin', async () => {
    const state = { target: '' }
    await using server = await startServer(
      (message, response) => redirect(state.target)(message, response),
      ok,
    )
    state.target = `${server.url}/physical`
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    const response = await client('/', { headers: secrets })
    expect(response.url).toBe(`${server.url}/physical`)
    expect(server.headers[1]).toMatchObject({ 'x-kept': 'd', host: server.host })
    expect(server.headers[1]).not.toHaveProperty('authorization')
    expect(server.headers[1]).not.toHaveProperty('cookie')
    expect(seen).toEqual([`${server.host} success`])
  })

  it('are removed on the way to another service', async () => {
    await using orderServer = await startServer(ok)
    await using userServer = await startServer(redirect('http://order-service/'))
    await using orders = createClient({ service: 'order-service', source: fixed([orderServer.url]) })
    await using users = createClient(options(userServer.url))
    const appFetch = createFetch({ services: { 'user-service': users, 'order-service': orders } })
    await appFetch('http://user-service/', { headers: secrets })
    expect(orderServer.headers[0]).toMatchObject({ 'x-kept': 'd', host: 'order-service' })
    expect(orderServer.headers[0]).not.toHaveProperty('authorization')
    expect(orderServer.headers[0]).not.toHaveProperty('cookie')
  })

  it('are removed on the way to another host, and stay removed on the way back', async () => {
    await using outsider = await startServer(redirect('http://user-service/home'))
    await using server = await startServer(redirect(outsider.url), ok)
    await using client = createClient(options(server.url))
    expect(await (await client('/', { headers: secrets })).text()).toBe('ok')
    for (const headers of [outsider.headers[0], server.headers[1]]) {
      expect(headers).toMatchObject({ 'x-kept': 'd' })
      expect(headers).not.toHaveProperty('authorization')
      expect(headers).not.toHaveProperty('cookie')
    }
    expect(server.requests).toEqual(['GET /', 'GET /home'])
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { success: 2 } })
  })
})

describe('a Host header that the caller has set', () => {
  it.each(doors.slice(1))(
    'is sent through %s, and does not decide which instance gets the request',
    async (_door, call) => {
      await using server = await startServer(ok)
      await using client = createClient(options(server.url))
      expect(await call(client, 'http://user-service/', { Host: 'tenant.example' })).toBe('ok')
      expect(server.headers[0]).toMatchObject({ host: 'tenant.example' })
    },
  )

  it('is removed by fetch, as without this library', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await client('/', { headers: { host: 'tenant.example' } })
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
  })

  it('is sent with every try', async () => {
    await using busy = await startServer(reply(503))
    await using healthy = await startServer(ok)
    await using client = createClient(options(busy.url, healthy.url))
    await (await client.request('/', { headers: { host: 'tenant.example' } })).body.text()
    expect([busy.headers[0], healthy.headers[0]]).toMatchObject([
      { host: 'tenant.example' },
      { host: 'tenant.example' },
    ])
  })
})

describe('two services on one instance', () => {
  it('have separate breakers, loads and connections', async () => {
    await using server = await startServer((message, response) =>
      response.writeHead(message.headers.host === 'user-service' ? 500 : 200).end(),
    )
    const breaker = { failureThreshold: 1 }
    await using users = createClient({ ...options(server.url), breaker })
    await using orders = createClient({ ...options(server.url), service: 'order-service', breaker })
    await (await users('/')).text()
    await (await orders('/')).text()
    expect(instanceOf(users, server.host)).toMatchObject({ breaker: 'open', settled: { failure: 1 } })
    expect(instanceOf(orders, server.host)).toMatchObject({ breaker: 'closed', settled: { success: 1 } })
    expect(server.connections).toBe(2)
  })
})

describe('a logical name', () => {
  it.each(doors)('that is also a real DNS name means the service, through %s', async (_door, call) => {
    await using real = await startServer(reply(200, 'the real localhost'))
    await using server = await startServer(reply(200, 'an instance'))
    const { port } = new URL(real.url)
    await using client = createClient({ ...options(server.url), service: `localhost:${port}` })
    expect(await call(client, `http://localhost:${port}/`)).toBe('an instance')
    expect(real.requests).toEqual([])
    expect(server.headers[0]).toMatchObject({ host: `localhost:${port}` })
  })

  it('that is a real DNS name means that host on any other port', async () => {
    await using real = await startServer(reply(200, 'the real localhost'))
    await using server = await startServer(reply(200, 'an instance'))
    await using client = createClient({ ...options(server.url), service: 'localhost' })
    const appFetch = createFetch({ services: { localhost: client } })
    const realUrl = real.url.replace('127.0.0.1', 'localhost')
    expect(await (await appFetch(realUrl)).text()).toBe('the real localhost')
    expect(await (await appFetch('http://localhost/')).text()).toBe('an instance')
  })

  it.each([
    ['user-service:8080', 'http://user-service:8080/', 'user-service:8080'],
    ['user-service:80', 'http://user-service/', 'user-service'],
    ['user-service', 'http://user-service:80/', 'user-service'],
    ['User-Service', 'http://USER-service/', 'user-service'],
  ])('%s serves %s, with the Host %s', async (service, url, host) => {
    await using server = await startServer(ok)
    await using client = createClient({ ...options(server.url), service })
    const appFetch = createFetch({ services: { [service]: client } })
    expect(await (await client(url)).text()).toBe('ok')
    expect(await (await appFetch(url)).text()).toBe('ok')
    expect(server.headers.map((headers) => headers.host)).toEqual([host, host])
  })

  it('with a port is not the same as without it, or with another port', async () => {
    await using server = await startServer(ok)
    await using client = createClient({ ...options(server.url), service: 'user-service.invalid:8080' })
    for (const url of ['http://user-service.invalid/', 'http://user-service.invalid:8081/']) {
      await expect(client(url)).rejects.toMatchObject({ cause: { code: 'ENOTFOUND' } })
    }
    expect(server.requests).toEqual([])
  })
})

describe('an instance url', () => {
  const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  )

  // A developer's machine may have no IPv6. CI must have it.
  it.skipIf(!hasIPv6 && !process.env['CI']).each(doors)('can be IPv6, through %s', async (_door, call) => {
    const server = createServer((message, response) => response.end(message.headers.host)).listen(0, '::1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await using client = createClient(options(`http://[::1]:${port}`))
    expect(await call(client, 'http://user-service/')).toBe('user-service')
    expect(instanceOf(client, `[::1]:${port}`).instance.url).toBe(`http://[::1]:${port}`)
    server.close().closeAllConnections()
  })

  it.each([
    ['http://10.0.0.7/base', /an origin without path, query or fragment, got 'http:\/\/10.0.0.7\/base'/],
    ['http://10.0.0.7/?a=1', /an origin without path, query or fragment/],
    ['http://user:secret@10.0.0.7', /not carry credentials, got 'http:\/\/\*\*\*@10.0.0.7'/],
    ['ftp://10.0.0.7', /be http or https/],
  ])('%s is rejected, and the error contains no secrets', async (url, message) => {
    expect(() => fixed([url])).toThrow(message)
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient({ ...options(), source })
    const invalid = collect(client, 'source:invalid')
    source.pushRaw([
      { id: 'bad', url },
      { id: 'good', url: server.url },
    ])
    expect(await (await client('/')).text()).toBe('ok')
    await until(() => invalid.length === 1)
    expect(client.snapshot().instances.map(({ instance }) => instance.id)).toEqual(['good'])
    expect(JSON.stringify(invalid)).not.toContain('secret')
  })
})

describe('a call to https:// over instances that speak plain HTTP', () => {
  it.each(doors)('is rejected through %s', async (_door, call) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await expect(call(client, 'https://user-service/')).rejects.toMatchObject({
      code: 'ERR_OUTRIGGER_DENIED',
      message: expect.stringContaining('https://user-service asks for TLS'),
    })
    expect(server.connections).toBe(0)
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, breaker: 'closed' })
  })
})

describe('a path parameter', () => {
  const keyed: [string, (client: Client, id: string) => Promise<unknown>][] = [
    ['fetch', async (client, id) => (await client('GET /users/{id}/posts', { params: { id } })).text()],
    [
      'request',
      async (client, id) => (await client.request('GET /users/{id}/posts', { params: { id } })).body.text(),
    ],
  ]

  it.each(
    keyed.flatMap(([door, call]) =>
      [
        'a/b',
        'a?b=c',
        'a#b',
        'a b',
        'a\r\nx-injected: 1\r\n\r\nGET /admin HTTP/1.1',
        '%2e%2e',
        'ü',
        'a\\b',
        'a:b@c',
        '\0',
        '‮',
      ].map((value) => [JSON.stringify(value), door, value, call] as const),
    ),
  )('that is %s stays one segment of the path, through %s', async (_shown, _door, value, call) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await call(client, value)
    expect(server.requests).toHaveLength(1)
    const [, segment, ...rest] = /^GET \/users\/([^/?#]+)\/posts$/.exec(server.requests[0]!) ?? []
    expect(decodeURIComponent(segment!)).toBe(value)
    expect(rest).toEqual([])
    expect(server.headers[0]).not.toHaveProperty('x-injected')
  })

  it.each(keyed.flatMap(([door, call]) => ['.', '..', ''].map((value) => [value, door, call] as const)))(
    'that is %j is rejected before anything is sent, through %s, because no encoding keeps it one segment',
    async (value, _door, call) => {
      await using server = await startServer(ok)
      await using client = createClient(options(server.url))
      await expect(call(client, value)).rejects.toThrow(/id/)
      expect(server.connections).toBe(0)
    },
  )

  it.each([
    ['a path', '/a\r\nx-injected: 1'],
    ['a path with a space', '/a b HTTP/1.1\r\nx-injected: 1'],
  ])('has no rival in %s with a line break: no door lets a header through', async (_name, path) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await client(path).catch(() => {})
    await client.request(path).catch(() => {})
    for (const headers of server.headers) expect(headers).not.toHaveProperty('x-injected')
    for (const line of server.requests) expect(line).not.toMatch(/[\r\n]/)
  })

  it('has no rival in a query either', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const query = { 'a\r\nb': 'c&d=e\r\nx-injected: 1', '#': '?' }
    await (await client('/', { query })).text()
    await (await client.request('/', { query })).body.text()
    const [line] = server.requests
    expect(server.requests).toEqual([line, line])
    expect([...new URL(line!.slice(4), 'http://a').searchParams]).toEqual([
      ['a\r\nb', 'c&d=e\r\nx-injected: 1'],
      ['#', '?'],
    ])
  })
})
