import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClient, type CallInit, type Client, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf } from '../support/events.ts'
import { echo, ok, refusedUrl, reply, reset, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  retry: { attempts: 3, backoff: 0 },
})

const bytes = Uint8Array.from([0, 1, 2, 253, 254, 255])

/** Responds with 503 once the request was read, then echoes. */
const flaky: Answer[] = [
  (request, response) => request.resume().on('end', () => response.writeHead(503).end()),
  echo,
]

function stream(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift()
      await sleep(1)
      if (chunk === undefined) controller.close()
      else controller.enqueue(new TextEncoder().encode(chunk))
    },
  })
}

describe('a request body', () => {
  it.each<[string, () => NonNullable<RequestInit['body']>, string]>([
    ['a string', () => 'grüße', 'text/plain;charset=UTF-8'],
    ['bytes', () => bytes, 'none'],
    ['an ArrayBuffer', () => bytes.buffer, 'none'],
    [
      'URLSearchParams',
      () => new URLSearchParams({ a: '1 2' }),
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    ['a Blob', () => new Blob([bytes], { type: 'image/png' }), 'image/png'],
  ])('that is %s arrives byte for byte, also at the second try', async (_name, body, type) => {
    await using server = await startServer(...flaky)
    await using client = createClient(options(server.url))
    const response = await client('/', { method: 'PUT', body: body() })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(type)
    const expected = Buffer.from(await new Response(body()).arrayBuffer())
    expect(Buffer.from(await response.arrayBuffer())).toEqual(expected)
    expect(server.requests).toHaveLength(2)
    expect(server.received).toBe(2 * expected.length)
  })

  it('that is FormData with a file arrives as multipart, also with the second try', async () => {
    await using server = await startServer(...flaky)
    await using client = createClient(options(server.url))
    const body = new FormData()
    body.set('name', 'Ada')
    body.set('photo', new File([bytes], 'photo.png', { type: 'image/png' }))
    const response = await client('/', { method: 'PUT', body })
    const form = await response.formData()
    const photo = form.get('photo') as File
    expect(form.get('name')).toBe('Ada')
    expect(photo).toMatchObject({ name: 'photo.png', type: 'image/png' })
    expect(new Uint8Array(await photo.arrayBuffer())).toEqual(bytes)
    expect(server.requests).toHaveLength(2)
  })

  it('given as json is sent as JSON', async () => {
    await using server = await startServer(echo)
    await using client = createClient(options(server.url))
    const response = await client('/', { method: 'POST', json: { name: 'Ada' } })
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({ name: 'Ada' })
  })

  it('that is a stream is sent chunk by chunk', async () => {
    await using server = await startServer(echo)
    await using client = createClient(options(server.url))
    const init: CallInit = { method: 'POST', body: stream('one ', 'two ', 'three'), duplex: 'half' }
    expect(await (await client('/', init)).text()).toBe('one two three')
    expect(server.headers[0]).toMatchObject({ 'transfer-encoding': 'chunked' })
  })

  it('that is a stream is sent only once, while undici’s own retry sends an empty body', async () => {
    await using broken = await startServer(...flaky)
    await using healthy = await startServer(echo)
    await using client = createClient(options(broken.url, healthy.url))
    const init: CallInit = { method: 'PUT', body: stream('once'), duplex: 'half' }
    expect((await client('/', init)).status).toBe(503)
    expect(broken.received).toBe(4)
    expect(healthy.requests).toEqual([])
  })

  it('that is a generator is sent only once, also through request()', async () => {
    await using broken = await startServer(...flaky)
    await using client = createClient(options(broken.url))
    const { statusCode, body } = await client.request('/', { method: 'PUT', body: stream('once') as never })
    await body.dump()
    expect(statusCode).toBe(503)
    expect(broken.requests).toHaveLength(1)
  })

  it.each<[string, () => NonNullable<RequestInit['body']>, number]>([
    ['a string', () => 'in a Request', 12],
    ['bytes', () => bytes, bytes.length],
    ['a Blob', () => new Blob(['in a Request']), 12],
    ['URLSearchParams', () => new URLSearchParams({ a: 'b' }), 3],
  ])(
    'of a Request made from %s is sent again, for the platform holds it in memory',
    async (_name, body, length) => {
      await using server = await startServer(...flaky)
      await using client = createClient(options(server.url))
      const request = new Request('http://user-service/', { method: 'PUT', body: body() })
      expect((await client(request)).status).toBe(200)
      expect(server.requests).toHaveLength(2)
      expect(server.received).toBe(2 * length)
      expect(request.bodyUsed).toBe(true)
    },
  )

  it.each<[string, RequestInit]>([
    ['a string', { body: 'in a Request', headers: { 'Content-Length': '12' } }],
    ['bytes', { body: bytes, headers: { 'content-length': String(bytes.length), 'x-a': '1' } }],
  ])('of a Request made from %s is sent again if the caller has set its length', async (_name, init) => {
    await using server = await startServer(...flaky)
    await using client = createClient(options(server.url))
    const request = new Request('http://user-service/', { method: 'PUT', ...init })
    expect((await client(request)).status).toBe(200)
    const length = request.headers.get('content-length')
    expect(server.headers.map((sent) => sent['content-length'])).toEqual([length, length])
    expect(server.headers.map((sent) => sent['transfer-encoding'])).toEqual([undefined, undefined])
    expect(server.received).toBe(2 * Number(length))
  })

  it('of a stream in a Request has the Content-Length that the caller has set, and no Transfer-Encoding', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const init = { method: 'PUT', duplex: 'half', headers: { 'content-length': '11' } } as const
    const request = new Request('http://user-service/', { ...init, body: stream('in a stream') })
    expect((await client(request)).status).toBe(200)
    expect(server.headers[0]).toMatchObject({ 'content-length': '11' })
    expect(server.headers[0]).not.toHaveProperty('transfer-encoding')
    expect(server.received).toBe(11)
  })

  it('of a Request with a wrong length fails as with fetch, and does not count against the instance', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const init = { method: 'PUT', headers: { 'content-length': '5' }, body: 'longer' }
    const [theirs, ours] = await Promise.allSettled([
      fetch(new Request(server.url, init)),
      client(new Request('http://user-service/', init)),
    ])
    expect([theirs.status, ours.status]).toEqual(['rejected', 'rejected'])
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed', inFlight: 0 })
    expect(client.snapshot().instances[0]?.settled.failure).toBe(0)
  })

  it.each<[string, RequestInit]>([
    ['a stream', { body: stream('in a stream') }],
    [
      'a stream whose length the caller knows',
      { body: stream('in a stream'), headers: { 'content-length': '11' } },
    ],
    ['more than a megabyte', { body: 'x'.repeat(2 ** 20 + 1) }],
  ])('of a Request made from %s is sent only once', async (_name, init) => {
    await using broken = await startServer(...flaky)
    await using client = createClient(options(broken.url))
    const request = new Request('http://user-service/', {
      method: 'PUT',
      duplex: 'half',
      ...init,
    })
    expect((await client(request)).status).toBe(503)
    expect(broken.requests).toHaveLength(1)
  })

  it.each(['POST', 'PATCH'])('of a %s with a 503 response is sent only once', async (method) => {
    await using broken = await startServer(...flaky)
    await using healthy = await startServer(ok)
    await using client = createClient(options(broken.url, healthy.url))
    expect((await client('/', { method, body: 'once' })).status).toBe(503)
    expect(healthy.requests).toEqual([])
  })

  it('of a POST whose connection broke is sent only once, because it may have been processed', async () => {
    await using broken = await startServer(reset)
    await using healthy = await startServer(ok)
    await using client = createClient(options(broken.url, healthy.url))
    await expect(client('/', { method: 'POST', body: 'once' })).rejects.toThrow('fetch failed')
    expect(healthy.requests).toEqual([])
  })

  it('of a POST is sent to another instance when the first was never reached', async () => {
    await using healthy = await startServer(echo)
    await using client = createClient(options(await refusedUrl(), healthy.url))
    expect(await (await client('/', { method: 'POST', body: 'once' })).text()).toBe('once')
    expect(healthy.received).toBe(4)
  })

  it('of a POST with an Idempotency-Key is sent again', async () => {
    await using server = await startServer(...flaky)
    await using client = createClient(options(server.url))
    const headers = { 'Idempotency-Key': 'a-1' }
    expect((await client('/', { method: 'POST', body: 'twice', headers })).status).toBe(200)
    expect(server.requests).toHaveLength(2)
  })
})

describe('a response body', () => {
  it('comes chunk by chunk while the server is still writing', async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await startServer(async (_request, response) => {
      response.writeHead(200).write('first')
      await gate.promise
      response.end('second')
    })
    await using client = createClient(options(server.url))
    const reader = (await client('/')).body!.getReader()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('first')
    expect(instanceOf(client, server.host).inFlight).toBe(1)
    gate.resolve()
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('second')
    expect((await reader.read()).done).toBe(true)
    expect(instanceOf(client, server.host).inFlight).toBe(0)
  })

  it('of many megabytes arrives completely', async () => {
    const big = Buffer.alloc(8 * 1024 * 1024, 'outrigger')
    await using server = await startServer((_request, response) => response.writeHead(200).end(big))
    await using client = createClient(options(server.url))
    const hash = createHash('sha256')
    for await (const chunk of (await client('/')).body!) hash.update(chunk)
    expect(hash.digest('hex')).toBe(createHash('sha256').update(big).digest('hex'))
  })

  it('of the last try can be read if no try was good', async () => {
    await using first = await startServer(reply(503, 'first', { 'content-length': '5' }))
    await using second = await startServer(reply(502, 'second', { 'x-try': '2' }))
    await using client = createClient({
      ...options(first.url, second.url),
      retry: { attempts: 2, backoff: 0 },
    })
    const response = await client('/')
    expect(response.status).toBe(502)
    expect(response.headers.get('x-try')).toBe('2')
    expect(await response.text()).toBe('second')
    expect(instanceOf(client, first.host).inFlight).toBe(0)
  })

  it('of a response that is retried does not cost the connection', async () => {
    await using server = await startServer(reply(503, 'sorry', { 'content-length': '5' }), ok)
    await using client = createClient(options(server.url))
    expect(await (await client('/')).text()).toBe('ok')
    expect(await (await client('/')).text()).toBe('ok')
    expect(server.requests).toHaveLength(3)
    expect(server.connections).toBeLessThanOrEqual(2)
  })

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', async (client) => (await client('/')).text()],
    ['request', async (client) => (await client.request('/')).body.text()],
  ])('of an answer that is retried is not waited for, however large, by %s', async (_door, call) => {
    const endless: Answer = (_request, response) => response.writeHead(503).write(Buffer.alloc(5_000_000))
    await using busy = await startServer(endless)
    await using healthy = await startServer(ok)
    await using client = createClient(options(busy.url, healthy.url))
    expect(await call(client)).toBe('ok')
    await until(() => instanceOf(client, busy.host).inFlight === 0)
    expect(instanceOf(client, busy.host).settled).toMatchObject({ failure: 1 })
  })

  it('is instanceof the global Response', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const response = await client('/')
    expect(response).toBeInstanceOf(globalThis.Response)
    expect(await response.clone().text()).toBe('ok')
  })

  it.each([204, 304])('is absent with %d', async (status) => {
    await using server = await startServer(reply(status))
    await using client = createClient(options(server.url))
    const response = await client('/')
    expect(response.body).toBeNull()
    expect(instanceOf(client, server.host).inFlight).toBe(0)
  })

  it('is absent with HEAD', async () => {
    await using server = await startServer(reply(200, '', { 'content-length': '10' }))
    await using client = createClient(options(server.url))
    expect(await (await client('/', { method: 'HEAD' })).text()).toBe('')
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { success: 1 } })
  })
})
