import { once } from 'node:events'
import {
  constants,
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, roundRobin, type Client, type ClientOptions } from '../../src/index.ts'
import { echo, hang, ok, refusedUrl, startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: roundRobin(),
  breaker: { failureThreshold: 1 },
})

const post = { method: 'POST', body: 'once' } as const

/** A server that drops its connections on command: a later request on them is reset, as behind a NAT. */
function forgetful(): { answer: Answer; forget(): void } {
  const known = new Map<Socket, number>()
  let age = 0
  return {
    answer: ({ socket }, response) => {
      if (!known.has(socket)) known.set(socket, age)
      if (known.get(socket) === age) response.end('fresh')
      else socket.resetAndDestroy()
    },
    forget: () => age++,
  }
}

const settled = ({ snapshot }: Client): readonly unknown[] =>
  snapshot().instances.map(({ breaker, settled: { success, failure } }) => [breaker, success, failure])

describe('an idle connection that turns out to be dead', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', async (client) => (await client('/')).text()],
    ['request', async (client) => (await client.request('/')).body.text()],
    ['fetch with a body', async (client) => (await client('/', { method: 'PUT', body: 'x' })).text()],
    [
      'request with a body',
      async (client) => (await client.request('/', { method: 'PUT', body: 'x' })).body.text(),
    ],
  ])('costs the caller of %s nothing, and counts against no instance', async (_door, call) => {
    const { answer, forget } = forgetful()
    await using server = await startServer(answer)
    await using client = createClient({ ...options(server.url), budget: { ratio: 0, minPerSecond: 0 } })
    for (let round = 0; round < 3; round++) {
      expect(await Promise.all(Array.from({ length: 10 }, () => call(client)))).toEqual(
        Array(10).fill('fresh'),
      )
      forget()
    }
    await until(() => client.snapshot().instances[0]?.inFlight === 0)
    expect(settled(client)).toEqual([['closed', 30, 0]])
  })

  it('fails a POST like fetch, without further effects', async () => {
    const { answer, forget } = forgetful()
    await using server = await startServer(answer)
    await using client = createClient({ ...options(server.url), transport: { connections: 1 } })
    await (await client('/', post)).text()
    forget()
    await expect(client('/', post)).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    expect(settled(client)).toEqual([['closed', 1, 0]])
    expect((await client('/', post)).status).toBe(200)
    expect(server.requests).toHaveLength(3)
  })

  it('is not retried when retries are off', async () => {
    const { answer, forget } = forgetful()
    await using server = await startServer(answer)
    await using client = createClient({ ...options(server.url), retry: false, transport: { connections: 1 } })
    await (await client('/')).text()
    forget()
    await expect(client('/')).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    expect(settled(client)).toEqual([['closed', 1, 0]])
  })

  it('counts against the instance when the connection was new', async () => {
    await using server = await startServer((request) => request.socket.resetAndDestroy())
    await using client = createClient({ ...options(server.url), retry: false })
    await expect(client('/')).rejects.toThrow('fetch failed')
    expect(settled(client)).toEqual([['open', 0, 1]])
  })
})

/** HTTP/2 without TLS. undici's types do not declare the option. */
const h2c = { connections: 1, useH2c: true }

interface Http2 extends AsyncDisposable {
  readonly url: string
  readonly sessions: ReadonlySet<ServerHttp2Session>
}

async function startHttp2(onStream?: (stream: ServerHttp2Stream) => void): Promise<Http2> {
  const server = createHttp2Server()
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session.on('error', () => {}).on('close', () => sessions.delete(session)))
  })
  server.on('stream', (stream) => {
    stream.on('error', () => {}).resume()
    if (onStream) {
      onStream(stream)
      return
    }
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('a GOAWAY', () => {
  it.each<[string, (client: Client) => Promise<string>]>([
    ['GET', async (client) => (await client('/')).text()],
    ['POST', async (client) => (await client('/', post)).text()],
    ['POST of a Request', async (client) => (await client(new Request('http://user-service/', post))).text()],
    ['POST through request()', async (client) => (await client.request('/', post)).body.text()],
  ])('that crosses ten %s requests fails none of them', async (_what, call) => {
    await using server = await startHttp2()
    await using client = createClient({
      ...options(server.url),
      transport: h2c,
      budget: { ratio: 0, minPerSecond: 0 },
    })
    expect(await call(client)).toBe('ok')
    for (const session of server.sessions) session.goaway(0)
    expect(await Promise.all(Array.from({ length: 10 }, () => call(client)))).toEqual(Array(10).fill('ok'))
    expect(settled(client)).toEqual([['closed', 11, 0]])
  })
})

describe('a server that refuses every stream', () => {
  it('gets a few requests, and then the call fails', async () => {
    let streams = 0
    await using server = await startHttp2((stream) => {
      streams++
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
    })
    await using client = createClient({ ...options(server.url), transport: h2c })
    await expect(client('/')).rejects.toThrow('fetch failed')
    // undici itself sends each of the six requests a second time.
    expect(streams).toBeLessThanOrEqual(12)
    expect(settled(client)).toEqual([['closed', 0, 0]])
  })
})

describe('a request that was never sent', () => {
  const stream = (): ReadableStream<Uint8Array> => new Blob(['once']).stream()
  async function* chunks(): AsyncGenerator<Buffer> {
    yield Buffer.from('once')
  }
  const init = (body: unknown): RequestInit => ({ method: 'POST', duplex: 'half', body }) as RequestInit

  it.each<[string, (client: Client) => Promise<{ text(): Promise<string> }>]>([
    ['a Request with a string', (client) => client(new Request('http://user-service/', post))],
    ['a Request with a stream', (client) => client(new Request('http://user-service/', init(stream())))],
    ['fetch with a stream', (client) => client('/', init(stream()))],
    ['fetch with a generator', (client) => client('/', init(chunks()))],
    [
      'request() with a Readable',
      async (client) => (await client.request('/', { method: 'POST', body: Readable.from(['once']) })).body,
    ],
    [
      'request() with a generator',
      async (client) =>
        (await client.request('/', { method: 'POST', body: chunks() as unknown as Readable })).body,
    ],
  ])('goes to an instance that accepts connections, with its body: %s', async (_what, call) => {
    await using server = await startServer(echo)
    await using client = createClient({
      ...options(await refusedUrl(), await refusedUrl(), server.url),
      balance: (endpoints, request) => endpoints.find((each) => !request.excluded(each)) ?? endpoints[0],
      retry: { attempts: 1 },
    })
    const attempts: unknown[] = []
    client.on('attempt', ({ attempt, outcome }) => attempts.push([attempt, outcome]))
    expect(await (await call(client)).text()).toBe('once')
    expect(attempts).toEqual([
      [1, 'failure'],
      [2, 'failure'],
      [3, 'success'],
    ])
    expect(client.snapshot().instances.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
  })

  it('ends with the caller’s abort while it moves to another instance', async () => {
    await using server = await startServer(hang)
    await using client = createClient({
      ...options(await refusedUrl(), server.url),
      balance: (endpoints, request) => endpoints.find((each) => !request.excluded(each)) ?? endpoints[0],
    })
    const controller = new AbortController()
    const call = client('/', { ...init(stream()), signal: controller.signal })
    await server.seen(1)
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await until(() => client.snapshot().instances.every(({ inFlight }) => inFlight === 0))
  })
})

describe('a response that this client cannot accept', () => {
  it.each<[string, (client: Client) => Promise<unknown>]>([
    ['fetch', (client) => client('/')],
    ['request', (client) => client.request('/')],
  ])('is requested once, and opens no breaker: %s', async (_door, call) => {
    const long: Answer = (_request, response) => response.setHeader('x-long', 'x'.repeat(20_000)).end()
    await using one = await startServer(long)
    await using two = await startServer(long)
    await using client = createClient(options(one.url, two.url))
    await expect(call(client)).rejects.toThrow(Error)
    expect(one.requests.length + two.requests.length).toBe(1)
    expect(settled(client)).toEqual([
      ['closed', 0, 0],
      ['closed', 0, 0],
    ])
  })
})

/** One address with connections to several pods, one of which can be killed. */
async function startVip(
  pods: readonly string[],
): Promise<AsyncDisposable & { url: string; kill(pod: number): void }> {
  const links = pods.map(() => new Set<Socket>())
  const dead = new Set<number>()
  let next = 0
  const { connect } = await import('node:net')
  const server = createServer((socket) => {
    let pod = next++ % pods.length
    while (dead.has(pod)) pod = next++ % pods.length
    const link = connect(Number(new URL(pods[pod] ?? '').port), '127.0.0.1')
    links[pod]?.add(socket)
    socket.on('error', () => {}).on('close', () => link.destroy())
    link.on('error', () => {}).on('close', () => socket.destroy())
    socket.pipe(link).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    kill: (pod) => {
      dead.add(pod)
      for (const socket of links[pod] ?? []) socket.resetAndDestroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of links.flatMap((each) => [...each])) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('one address with pods behind it', () => {
  it('loses only the requests of the pod that died, even POSTs on new connections', async () => {
    const waiting: Parameters<Answer>[1][] = []
    await using one = await startServer((_request, response) => waiting.push(response))
    await using two = await startServer((_request, response) => waiting.push(response))
    await using vip = await startVip([one.url, two.url])
    await using client = createClient({ ...options(vip.url), breaker: { failureThreshold: 2 } })
    const calls = Promise.allSettled(Array.from({ length: 40 }, () => client('/', post)))
    await until(() => waiting.length === 40)
    vip.kill(0)
    await until(() => client.snapshot().instances[0]?.pending === 20)
    for (const response of waiting) response.end('ok')
    const results = await calls
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(20)
    expect(client.snapshot().instances[0]).toMatchObject({ breaker: 'closed', settled: { failure: 20 } })
    two.behave(ok)
    expect((await client('/', post)).status).toBe(200)
  })
})
