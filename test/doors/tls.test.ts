import { once } from 'node:events'
import { constants } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf, outcomes } from '../support/events.ts'
import { until } from '../support/until.ts'
import { startAuthority, type Authority, type KeyPair } from './certificates.ts'
import { startSecureServer, type SecureAnswer } from './secure-server.ts'

let authority: Authority
let users: KeyPair
let orders: KeyPair

beforeAll(async () => {
  authority = await startAuthority()
  users = await authority.issue('user-service')
  orders = await authority.issue('order-service')
})

afterAll(() => authority[Symbol.asyncDispose]())

type Transport = Extract<ClientOptions['transport'], { connect?: unknown }>
type Connect = Exclude<NonNullable<Transport['connect']>, (...args: never[]) => unknown>

const clientOf = (urls: string[], transport: Transport = {}, connect: Connect = {}): Client =>
  createClient({
    service: 'user-service',
    source: fixed(urls),
    balance: inOrder,
    retry: { attempts: 3, backoff: 0 },
    transport: { ...transport, connect: { ca: authority.ca, ...connect } },
  })

const doors: [string, (client: Client, url: string) => Promise<string>][] = [
  ['fetch', async (client, url) => (await client(url)).text()],
  ['request', async (client, url) => (await client.request(url)).body.text()],
  [
    'the dispatcher',
    async ({ dispatcher }, url) => (await request(`https://user-service${url}`, { dispatcher })).body.text(),
  ],
]

describe('an https instance', () => {
  it.each(doors)(
    'with an IP address gets the logical name as TLS server name, through %s',
    async (_door, call) => {
      await using server = await startSecureServer(users)
      await using client = clientOf([server.url], { allowH2: false })
      expect(await call(client, '/a')).toBe('secure')
      expect(server.seen).toEqual(['HTTP/1.1 user-service user-service /a'])
    },
  )

  it('serves http:// and https:// calls', async () => {
    await using server = await startSecureServer(users)
    await using client = clientOf([server.url], { allowH2: false })
    const response = await client('https://user-service/a')
    expect(await response.text()).toBe('secure')
    expect(response.url).toBe('https://user-service/a')
    expect(await (await client('http://user-service/b')).text()).toBe('secure')
    expect(server.seen).toEqual([
      'HTTP/1.1 user-service user-service /a',
      'HTTP/1.1 user-service user-service /b',
    ])
  })

  it('with the certificate of another service fails, and another instance answers', async () => {
    await using impostor = await startSecureServer(orders)
    await using server = await startSecureServer(users)
    await using client = clientOf([impostor.url, server.url])
    const seen = outcomes(client)
    expect(await (await client('/', { method: 'POST', body: 'secret' })).text()).toBe('secure')
    expect(seen).toEqual([`${impostor.host} failure`, `${server.host} success`])
    expect(impostor.seen).toEqual([])
  })

  it('with a certificate of an unknown authority makes the call fail with the platform’s own error', async () => {
    await using server = await startSecureServer(users)
    await using client = createClient({ service: 'user-service', source: fixed([server.url]), retry: false })
    await expect(client('/')).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    })
  })

  it('can ask for a client certificate, which transport provides', async () => {
    const mutual = { ...users, ca: authority.ca, requestCert: true, rejectUnauthorized: true }
    await using server = await startSecureServer(mutual)
    await using anonymous = clientOf([server.url])
    await expect(anonymous('/')).rejects.toThrow('fetch failed')
    await using client = clientOf([server.url], {}, orders)
    expect(await (await client('/')).text()).toBe('secure')
    expect(server.seen).toHaveLength(1)
  })
})

describe('HTTP/2', () => {
  const h2 = { allowH2: true }

  it.each(doors)(
    'is used if both sides support it, with the logical authority, through %s',
    async (_door, call) => {
      await using server = await startSecureServer(users)
      await using client = clientOf([server.url], h2)
      expect(await call(client, '/a')).toBe('secure')
      expect(server.seen).toEqual(['HTTP/2.0 user-service user-service /a'])
    },
  )

  it('is replaced by HTTP/1.1 if the server does not support it', async () => {
    const server = createServer(users, (message, response) => response.end(`HTTP/${message.httpVersion}`))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await using client = clientOf([`https://127.0.0.1:${(server.address() as AddressInfo).port}`], h2)
    expect(await (await client('/a')).text()).toBe('HTTP/1.1')
    server.close().closeAllConnections()
  })

  it('counts each of its streams as one request in flight, and ends each count', async () => {
    const responses: Parameters<SecureAnswer>[1][] = []
    await using server = await startSecureServer(users, (_request, response) => responses.push(response))
    await using client = clientOf([server.url], { ...h2, connections: 1 })
    const calls = Array.from({ length: 5 }, async () => (await client('/')).text())
    await until(() => responses.length === 5)
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 5, pending: 5 })
    expect(server.connections).toBe(1)
    for (const response of responses) response.end('done')
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => 'done'))
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, pending: 0 })
  })

  it.each([
    ['REFUSED_STREAM is not to blame', constants.NGHTTP2_REFUSED_STREAM, 'ignored'],
    ['INTERNAL_ERROR has failed', constants.NGHTTP2_INTERNAL_ERROR, 'failure'],
  ])('that resets a stream with %s makes another instance answer', async (_name, code, outcome) => {
    await using broken = await startSecureServer(users, (message) => message.stream.close(code))
    await using healthy = await startSecureServer(users)
    await using client = clientOf([broken.url, healthy.url], h2)
    const seen = outcomes(client)
    expect(await (await client('/')).text()).toBe('secure')
    expect(seen).toEqual([`${broken.host} ${outcome}`, `${healthy.host} success`])
    expect(instanceOf(client, broken.host)).toMatchObject({ inFlight: 0, pending: 0 })
  })

  it('that resets a stream during its body fails the reader, and counts against the instance', async () => {
    await using server = await startSecureServer(users, (message, response) => {
      response.writeHead(200)
      response.write('half', () => message.stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    })
    await using client = clientOf([server.url], h2)
    const response = await client('/')
    await expect(response.text()).rejects.toThrow(TypeError)
    await until(() => instanceOf(client, server.host).inFlight === 0)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 0, failure: 1 })
  })

  it('that sends GOAWAY finishes its requests in flight, and the next call has a new connection', async () => {
    const responses: Parameters<SecureAnswer>[1][] = []
    await using server = await startSecureServer(
      users,
      (_request, response) => responses.push(response),
      (_request, response) => response.end('after'),
    )
    await using client = clientOf([server.url], h2)
    const seen = outcomes(client)
    const before = client('/before')
    await until(() => responses.length === 1)
    server.sessions[0]!.close()
    responses[0]!.end('before')
    expect(await (await before).text()).toBe('before')
    await until(() => server.sessions[0]!.closed)
    expect(await (await client('/after')).text()).toBe('after')
    expect(server.connections).toBe(2)
    expect(seen).toEqual([`${server.host} success`, `${server.host} success`])
  })

  it('whose connection breaks fails each of its streams once', async () => {
    let asked = 0
    await using server = await startSecureServer(users, () => asked++)
    await using client = clientOf([server.url], { ...h2, connections: 1 })
    const calls = Array.from({ length: 3 }, () => client('/', { method: 'POST', body: 'x' }))
    const results = Promise.allSettled(calls)
    await until(() => asked === 3)
    server.sessions[0]!.destroy()
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { failure: 3 } })
  })
})
