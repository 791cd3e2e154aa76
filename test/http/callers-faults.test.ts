import { once } from 'node:events'
import { createReadStream, openAsBlob } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, type Client, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { instanceOf } from '../support/events.ts'
import { hang, ok, reply, reset, startServer, truncate } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (url: string): ClientOptions => ({
  service: 'user-service',
  source: fixed([url]),
  breaker: { failureThreshold: 1 },
  retry: { attempts: 3, backoff: 0 },
})

const withHeaders = (headers: Record<string, string>) => (client: Client) =>
  client('/', { method: 'PUT', body: 'abc', headers })

function failing(error: unknown): Readable {
  return new Readable({
    read() {
      this.push('abc')
      this.destroy(error as Error)
    },
  })
}

const put =
  (body: () => unknown) =>
  (client: Client): Promise<unknown> =>
    client.request('/', { method: 'PUT', body: body() as Readable })

const withCode = (code: string): Error => Object.assign(new Error('disk'), { code })

async function* throwing(): AsyncGenerator<Buffer> {
  yield Buffer.from('abc')
  throw withCode('ECONNRESET')
}

async function* numbers(): AsyncGenerator<number> {
  yield 5
}

async function putChangedFile(client: Client): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-'))
  try {
    const file = join(folder, 'upload')
    await writeFile(file, 'x'.repeat(1_000))
    const body = await openAsBlob(file)
    await appendFile(file, 'more')
    return await put(() => body)(client)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A stream that has yielded one chunk, and yields no more. */
function unending(): Readable {
  const stream = new Readable({ read: () => {} })
  stream.push('abc')
  return stream
}

/** HTTP/2 without TLS. undici's types do not have this option. */
const h2c = { connections: 1, useH2c: true }

async function startHttp2(
  onStream: (stream: ServerHttp2Stream) => void,
): Promise<AsyncDisposable & { url: string }> {
  const server = createServer()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session.on('error', () => {})))
  server.on('stream', (stream) => onStream(stream.on('error', () => {}).resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const thrower = (): never => {
  throw new RangeError('handler')
}

function handled({ dispatcher }: Client, handler: Dispatcher.DispatchHandler): Promise<unknown> {
  return new Promise((_resolve, reject) => {
    const onResponseError = (_controller: unknown, error: Error): void => reject(error)
    dispatcher.dispatch({ path: '/', method: 'GET' }, { onRequestStart() {}, onResponseError, ...handler })
  })
}

describe('a mistake of the caller', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['expect: 100-continue', withHeaders({ expect: '100-continue' })],
    ['a transfer-encoding of the caller’s own', withHeaders({ 'transfer-encoding': 'gzip' })],
    ['keep-alive', withHeaders({ 'keep-alive': 'timeout=5' })],
    ['upgrade', withHeaders({ upgrade: 'h2c', connection: 'upgrade' })],
    ['a content-length that is not the body’s', withHeaders({ 'content-length': '7' })],
    ['a line break in a header', (client) => client.request('/', { headers: { 'x-name': 'a\nb' } })],
    ['a bad header name', (client) => client.request('/', { headers: { 'bad name': 'a' } })],
    [
      'a stream that errors',
      (client) => client.request('/', { method: 'PUT', body: failing(new Error('disk')) }),
    ],
    [
      'a stream that errors with no Error',
      (client) =>
        client.request('/', { method: 'PUT', body: failing('disk') }).catch((error: unknown) => {
          throw new Error(String(error))
        }),
    ],
    ['a file that is not there', put(() => createReadStream('/no/such/file'))],
    ['a stream that errors with a code of Node’s kind', put(() => failing(withCode('ERR_MY_OWN')))],
    ['a stream that is destroyed without an error', put(() => failing(null))],
    ['a generator that throws', put(throwing)],
    ['a web stream that errors', put(() => ReadableStream.from(throwing()))],
    ['a generator of what is no bytes', put(() => numbers())],
    ['a file that has changed since it became a Blob', putChangedFile],
    [
      'a stream that is shorter than its content-length',
      (client) =>
        client.request('/', {
          method: 'PUT',
          body: Readable.from(['abc']),
          headers: { 'content-length': '7' },
        }),
    ],
  ])('says nothing about the instance, and is not tried again: %s', async (_name, call) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await expect(call(client)).rejects.toThrow(Error)
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      inFlight: 0,
      settled: { failure: 0, ignored: 1 },
    })
    expect(await (await client('/')).text()).toBe('ok')
  })

  it.each<[string, (client: Client) => Promise<unknown>, number]>([
    ['onResponseData throws', (client) => handled(client, { onResponseData: thrower }), 1],
    ['onResponseStart throws', (client) => handled(client, { onResponseStart: thrower }), 1],
    ['an upgrade is turned down', ({ dispatcher }) => dispatcher.upgrade({ path: '/', protocol: 'x' }), 1],
  ])('may be a handler of the caller’s own: %s', async (_name, call, success) => {
    await using server = await startServer(reply(401, 'no'))
    await using client = createClient(options(server.url))
    await client.ready()
    await expect(call(client)).rejects.toThrow(Error)
    await until(() => instanceOf(client, server.host).inFlight === 0)
    const { breaker, settled } = instanceOf(client, server.host)
    expect([breaker, settled.success, settled.failure]).toEqual(['closed', success, 0])
  })

  it('can be an upload that the caller has aborted', async () => {
    await using server = await startServer(hang)
    await using client = createClient(options(server.url))
    const upload = unending()
    const answer = client.request('/', { method: 'PUT', body: upload })
    await server.seen(1)
    // Node's own HTTP server destroys an aborted upload with this error.
    upload.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
    await expect(answer).rejects.toThrow('aborted')
    expect(instanceOf(client, server.host).settled).toMatchObject({ failure: 0, ignored: 1 })
  })

  it('is not that a broken connection destroys the caller’s stream', async () => {
    await using server = await startServer(reset)
    await using client = createClient(options(server.url))
    await expect(client.request('/', { method: 'PUT', body: unending() })).rejects.toThrow(Error)
    expect(instanceOf(client, server.host).settled).toMatchObject({ failure: 1, ignored: 0 })
  })

  it.each<[string, (stream: ServerHttp2Stream) => void]>([
    ['stream', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
    ['session', (stream) => stream.session?.destroy()],
  ])('is not what a broken HTTP/2 %s does to it, either', async (_what, end) => {
    await using server = await startHttp2((stream) => end(stream))
    await using client = createClient({ ...options(server.url), transport: h2c })
    await expect(client.request('/', { method: 'PUT', body: unending() })).rejects.toThrow(Error)
    expect(client.snapshot().instances[0]?.settled).toMatchObject({ failure: 1, ignored: 0 })
  })

  it('can be a stream that fails over HTTP/2', async () => {
    const upload = unending()
    await using server = await startHttp2(() => upload.destroy(new Error('disk')))
    await using client = createClient({ ...options(server.url), transport: h2c })
    await expect(client.request('/', { method: 'PUT', body: upload })).rejects.toThrow('disk')
    expect(client.snapshot().instances[0]?.settled).toMatchObject({ failure: 0, ignored: 1 })
  })

  it('is not a truncated response', async () => {
    await using server = await startServer(truncate)
    await using client = createClient(options(server.url))
    const { body } = await client.request('/', { method: 'PUT', body: Readable.from(['abc']) })
    await expect(body.text()).rejects.toThrow(Error)
    expect(instanceOf(client, server.host).settled).toMatchObject({ failure: 1 })
  })
})
