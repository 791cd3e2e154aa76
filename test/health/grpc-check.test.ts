import {
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { listenAlone, type OwnServer } from '../support/own-server.ts'
import { grpcCheck } from '../../src/health/grpc-check.ts'
import type { CheckResult } from '../../src/health/health.ts'
import { healthPolicy, type HealthOptions } from '../../src/health/policy.ts'
import { createClient, fixed } from '../../src/index.ts'
import { CHILD_TIMEOUT, runChild } from '../support/child.ts'
import { reply, startServer } from '../support/http-server.ts'
import { cert, startSecureServer } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { NOT_SERVING, SERVICE_UNKNOWN, SERVING, startGrpcServer, UNKNOWN } from './grpc-server.ts'

const LOGICAL = { host: 'user-service', servername: 'user-service' }
const PASS = { outcome: 'pass' }

function begin(
  url: string,
  options: HealthOptions = {},
  transport = {},
): { result: Promise<CheckResult>; cancel: () => void } {
  const check = grpcCheck(healthPolicy({ grpc: true, ...options }), transport, LOGICAL)
  let cancel = (): void => {}
  const result = new Promise<CheckResult>((resolve) => {
    cancel = check(url, resolve)
  })
  return { result, cancel: () => cancel() }
}

const ask = (url: string, options?: HealthOptions, transport?: object): Promise<CheckResult> =>
  begin(url, options, transport).result

const says = (grpc: string): object => ({ outcome: 'fail', failure: { reason: 'grpc', grpc } })
const breaks = (message: RegExp): object => ({
  outcome: 'fail',
  failure: { reason: 'error', error: expect.objectContaining({ message: expect.stringMatching(message) }) },
})

const open: OwnServer[] = []

async function listen(server: Server): Promise<{ url: string; sockets: ReadonlySet<Socket> }> {
  const own = await listenAlone(server)
  open.push(own)
  return { url: `http://${own.host}`, sockets: own.sockets }
}

/** A server that sends any HTTP/2 answer. */
function http2Server(
  talk: (stream: ServerHttp2Stream, session: ServerHttp2Session) => void,
): ReturnType<typeof listen> {
  const server = createHttp2Server()
  server.on('sessionError', () => {})
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    if (stream.session) talk(stream, stream.session as ServerHttp2Session)
  })
  return listen(server)
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' }

/** An answer in gRPC's framing, with the bytes and trailers of the test. */
function answer(body: readonly number[] | Buffer, trailers: Record<string, string> = { 'grpc-status': '0' }) {
  return (stream: ServerHttp2Stream): void => {
    stream.respond(GRPC, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end(Buffer.from(body))
  }
}

afterEach(async () => {
  for (const own of open.splice(0)) await own[Symbol.asyncDispose]()
})

describe('a real gRPC server', () => {
  test('SERVING passes, with the logical host and the headers of the options', async () => {
    await using server = await startGrpcServer()
    for (let round = 0; round < 3; round++)
      expect(await ask(server.url, { headers: { 'X-Token': 'secret' } })).toEqual(PASS)
    expect(server.asked).toHaveLength(3)
    expect(server.asked[0]).toMatchObject({
      service: '',
      host: 'user-service',
      metadata: { 'x-token': 'secret', 'user-agent': 'outrigger-health' },
    })
  })

  test.each([
    [UNKNOWN, says('UNKNOWN')],
    [SERVING, PASS],
    [NOT_SERVING, says('NOT_SERVING')],
    [SERVICE_UNKNOWN, says('SERVICE_UNKNOWN')],
    [7, says('serving status 7')],
  ])('passes or fails by the status %i of its service', async (serving, result) => {
    await using server = await startGrpcServer()
    server.serving.set('users.v1.Users', serving)
    expect(await ask(server.url, { grpc: { service: 'users.v1.Users' } })).toEqual(result)
    expect(server.asked[0]?.service).toBe('users.v1.Users')
  })

  test('fails for an unknown service, and for a server without the health service', async () => {
    await using server = await startGrpcServer()
    expect(await ask(server.url, { grpc: { service: 'nobody' } })).toEqual(says('NOT_FOUND (5)'))
    await using bare = await startGrpcServer({ isBare: true })
    expect(await ask(bare.url)).toEqual(says('UNIMPLEMENTED (12)'))
  })

  test.each([
    [status.UNAVAILABLE, says('UNAVAILABLE (14)')],
    [status.UNKNOWN, says('UNKNOWN (2)')],
    [status.RESOURCE_EXHAUSTED, { outcome: 'none', pause: 60_000 }],
  ])('status %i', async (code, result) => {
    await using server = await startGrpcServer()
    server.failWith = code
    expect(await ask(server.url)).toEqual(result)
  })

  test('over TLS: uses HTTP/2 by ALPN and the logical name, and verifies the certificate', async () => {
    await using server = await startGrpcServer({ tls: true })
    expect(await ask(server.url)).toMatchObject({ outcome: 'fail', failure: { reason: 'error' } })
    for (const transport of [{}, { allowH2: false }, { allowH2: false, useH2c: false }]) {
      expect(await ask(server.url, {}, { ...transport, connect: { ca: cert } })).toEqual(PASS)
    }
    expect(await ask(server.url, {}, { connect: { ca: cert, allowH2: false } })).toEqual(PASS)
  })

  test('uses another port of the same host', async () => {
    await using server = await startGrpcServer()
    expect(await ask('http://127.0.0.1:1', { port: Number(new URL(server.url).port) })).toEqual(PASS)
  })

  test('a client stops using an instance that is not SERVING, reports the reason, and uses it again afterwards', async () => {
    await using well = await startServer(reply(200))
    await using health = await startGrpcServer()
    await using client = createClient({
      service: 'user-service',
      source: fixed([well.url]),
      health: {
        grpc: { service: 'users' },
        port: Number(new URL(health.url).port),
        interval: 100,
        unhealthyThreshold: 2,
        healthyThreshold: 1,
      },
    })
    const told: object[] = []
    client.on('instance:unhealthy', ({ reason, grpc, failures }) => told.push({ reason, grpc, failures }))
    client.on('instance:healthy', () => told.push({ healthy: true }))
    await (await client('/')).text()
    await until(() => told.length === 1)
    expect(told[0]).toEqual({ reason: 'grpc', grpc: 'NOT_FOUND (5)', failures: 2 })
    expect(client.snapshot().instances[0]?.health).toMatchObject({
      state: 'unhealthy',
      reason: 'grpc',
      grpc: 'NOT_FOUND (5)',
    })
    expect(client.explain('/').instances[0]?.why).toMatch(/in a row: the server says NOT_FOUND \(5\)/)
    health.serving.set('users', SERVING)
    await until(() => told.length === 2)
    expect(told[1]).toEqual({ healthy: true })
  })
})

describe('a server that is not a gRPC server', () => {
  test('an HTTP/1.1 server fails', async () => {
    await using server = await startServer(reply(200))
    expect(await ask(server.url)).toMatchObject({ outcome: 'fail', failure: { reason: 'error' } })
    await until(() => server.open === 0)
  })

  test('a web server over TLS fails, with HTTP/2 or without', async () => {
    await using server = await startSecureServer()
    expect(await ask(server.url, {}, { connect: { ca: cert } })).toEqual(breaks(/no grpc-status/))
  })

  test.each([
    [503, { outcome: 'fail', failure: { reason: 'status', status: 503 } }],
    [404, { outcome: 'fail', failure: { reason: 'status', status: 404 } }],
    [429, { outcome: 'none', pause: 60_000 }],
  ])('HTTP status %i', async (code, result) => {
    const { url, sockets } = await http2Server((stream) => {
      stream.respond({ ':status': code }, { endStream: true })
    })
    expect(await ask(url)).toEqual(result)
    await until(() => sockets.size === 0)
  })

  test.each<[string, (stream: ServerHttp2Stream, session: ServerHttp2Session) => void, object]>([
    ['no message', answer([]), breaks(/no message/)],
    ['an empty message: UNKNOWN is 0', answer([0, 0, 0, 0, 0]), says('UNKNOWN')],
    ['a compressed one', answer([1, 0, 0, 0, 2, 8, 1]), breaks(/compressed/)],
    ['half of one', answer([0, 0, 0, 0, 9, 8, 1]), breaks(/one complete message/)],
    ['two of them', answer([0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1]), breaks(/one complete message/)],
    ['a varint without end', answer([0, 0, 0, 0, 3, 8, 0x81, 0x81]), breaks(/not valid protobuf/)],
    [
      'a varint of eleven bytes',
      answer([0, 0, 0, 0, 12, 8, ...Array<number>(10).fill(0x80), 1]),
      breaks(/not valid protobuf/),
    ],
    [
      'a field that ends past the message',
      answer([0, 0, 0, 0, 4, 8, 1, 0x12, 9]),
      breaks(/not valid protobuf/),
    ],
    ['a wire type that is gone', answer([0, 0, 0, 0, 1, 0x0b]), breaks(/not valid protobuf/)],
    [
      'fields of a newer version',
      answer([
        0, 0, 0, 0, 22, 0x12, 1, 65, 0x18, 0x96, 1, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1,
      ]),
      PASS,
    ],
    ['the last of many counts', answer([0, 0, 0, 0, 4, 8, 2, 8, 1]), PASS],
    ['no trailers', answer([0, 0, 0, 0, 2, 8, 1], {}), breaks(/no grpc-status/)],
    [
      'a status that is no number',
      answer([0, 0, 0, 0, 2, 8, 1], { 'grpc-status': 'fine' }),
      breaks(/no grpc-status/),
    ],
    [
      'a status that nobody knows',
      answer([0, 0, 0, 0, 2, 8, 1], { 'grpc-status': '99' }),
      says('status (99)'),
    ],
    [
      'SERVING, and a status that says no',
      answer([0, 0, 0, 0, 2, 8, 1], { 'grpc-status': '13' }),
      says('INTERNAL (13)'),
    ],
    ['a reset', (stream) => stream.close(7), { outcome: 'fail', failure: { reason: 'error' } }],
    [
      'a connection cut',
      (_stream, session) => session.destroy(),
      { outcome: 'fail', failure: { reason: 'error' } },
    ],
  ])('%s', async (_name, talk, result) => {
    const { url, sockets } = await http2Server(talk)
    expect(await ask(url)).toMatchObject(result)
    await until(() => sockets.size === 0)
  })

  test('reads only a few KiB of an endless body', async () => {
    let sent = 0
    const { url, sockets } = await http2Server((stream) => {
      stream.respond(GRPC)
      const more = (): void => {
        if (stream.destroyed) return
        sent += 16_384
        if (stream.write(Buffer.alloc(16_384))) setImmediate(more)
        else stream.once('drain', more)
      }
      more()
    })
    expect(await ask(url)).toEqual(breaks(/longer than 4096 bytes/))
    await until(() => sockets.size === 0)
    expect(sent).toBeLessThan(2 ** 22)
  })

  test('no server', async () => {
    const { url } = await listen(createServer())
    await open.pop()?.[Symbol.asyncDispose]()
    expect(await ask(url)).toMatchObject({ outcome: 'fail', failure: { reason: 'error' } })
  })

  test('a server that never answers fails at the timeout of the check', async () => {
    // Not a real gRPC server: that one ends the call itself when the `grpc-timeout` of the request has passed.
    const { url } = await http2Server(() => {})
    await using server = await startServer(reply(200))
    await using client = createClient({
      service: 'user-service',
      source: fixed([server.url]),
      health: {
        grpc: true,
        port: Number(new URL(url).port),
        interval: 100,
        timeout: 50,
        unhealthyThreshold: 1,
      },
    })
    const told: string[] = []
    client.on('instance:unhealthy', ({ reason }) => told.push(reason))
    await (await client('/')).text()
    await until(() => told.length === 1)
    expect(told).toEqual(['timeout'])
  })

  test('a check that is cancelled leaves nothing behind and reports nothing', async () => {
    const { url, sockets } = await http2Server(() => {})
    const { result, cancel } = begin(url)
    let isTold = false
    void result.then(() => (isTold = true))
    await until(() => sockets.size === 1)
    cancel()
    await until(() => sockets.size === 0)
    expect(isTold).toBe(false)
  })

  test(
    'a check that hangs does not keep the process alive',
    async () => {
      let asked = 0
      const { url } = await http2Server(() => asked++)
      await using server = await startServer(reply(200))
      const { stdout, code } = await runChild(`
        import { createClient, fixed } from './src/index.ts'
        const health = { grpc: true, port: ${new URL(url).port}, interval: 100, timeout: 60_000 }
        const client = createClient({ service: 'svc', source: fixed(['${server.url}']), health })
        await (await client('/')).text()
        await new Promise((resolve) => setTimeout(resolve, 300))
        console.log('done')
      `)
      expect({ stdout, code }).toEqual({ stdout: 'done\n', code: 0 })
      expect(asked).toBeGreaterThan(0)
    },
    CHILD_TIMEOUT,
  )

  test('a transport whose connect throws only fails the check', async () => {
    const transport = {
      connect: () => {
        throw new Error('no network today')
      },
    }
    expect(await ask('http://127.0.0.1:1', {}, transport)).toEqual(breaks(/no network today/))
  })
})
