import { createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { listenAlone, type OwnServer } from '../support/own-server.ts'
import { httpCheck } from '../../src/health/http-check.ts'
import type { CheckResult } from '../../src/health/health.ts'
import { healthPolicy, type HealthOptions } from '../../src/health/policy.ts'
import { tcpCheck } from '../../src/health/tcp-check.ts'
import { reply, startServer } from '../support/http-server.ts'
import { cert, startSecureServer } from '../support/tls.ts'
import { until } from '../support/until.ts'

const LOGICAL = { host: 'user-service', servername: 'user-service' }

function begin(
  url: string,
  options: HealthOptions = {},
  transport = {},
): { result: Promise<CheckResult>; cancel: () => void } {
  const check = httpCheck(healthPolicy({ path: '/healthz', ...options }), transport, LOGICAL)
  let cancel = (): void => {}
  const result = new Promise<CheckResult>((resolve) => {
    cancel = check(url, resolve)
  })
  return { result, cancel: () => cancel() }
}

const ask = (url: string, options?: HealthOptions, transport?: object): Promise<CheckResult> =>
  begin(url, options, transport).result

const open: OwnServer[] = []

/** A server that sends the given bytes. */
async function rawServer(
  talk: (socket: Socket) => void,
): Promise<{ url: string; sockets: ReadonlySet<Socket> }> {
  const own = await listenAlone(createServer((socket) => socket.once('data', () => talk(socket))))
  open.push(own)
  return { url: `http://${own.host}`, sockets: own.sockets }
}

afterEach(async () => {
  for (const own of open.splice(0)) await own[Symbol.asyncDispose]()
})

test('requests the path with the logical host and the given headers, on a new connection', async () => {
  await using server = await startServer(reply(200))
  for (let round = 0; round < 3; round++) {
    expect(await ask(server.url, { headers: { Authorization: 'secret' } })).toEqual({ outcome: 'pass' })
  }
  expect(server.requests).toEqual(['GET /healthz', 'GET /healthz', 'GET /healthz'])
  expect(server.headers[0]).toMatchObject({
    host: 'user-service',
    authorization: 'secret',
    'user-agent': 'outrigger-health',
    connection: 'close',
  })
  expect(server.connections).toBe(3)
  await until(() => server.open === 0)
})

test('sends the Host of the option headers', async () => {
  await using server = await startServer(reply(200))
  await ask(server.url, { headers: { host: 'other' } })
  expect(server.headers[0]?.host).toBe('other')
})

test.each<[number, HealthOptions['expect'], object]>([
  [204, undefined, { outcome: 'pass' }],
  [503, undefined, { outcome: 'fail', failure: { reason: 'status', status: 503 } }],
  [404, undefined, { outcome: 'fail', failure: { reason: 'status', status: 404 } }],
  [503, { status: 503 }, { outcome: 'pass' }],
  [200, { status: [204, 206] }, { outcome: 'fail', failure: { reason: 'status', status: 200 } }],
  [429, undefined, { outcome: 'none', pause: 60_000 }],
  [429, { status: 429 }, { outcome: 'pass' }],
])('%i where %j is expected', async (status, expected, result) => {
  await using server = await startServer(reply(status))
  expect(await ask(server.url, { ...(expected && { expect: expected }) })).toEqual(result)
})

test('a redirect fails and is not followed', async () => {
  await using elsewhere = await startServer(reply(200))
  await using server = await startServer((_request, response) => {
    response.writeHead(302, { location: elsewhere.url }).end()
  })
  expect(await ask(server.url)).toMatchObject({ outcome: 'fail', failure: { status: 302 } })
  expect(elsewhere.requests).toEqual([])
})

test('Retry-After of a 429 is used, up to ten minutes', async () => {
  for (const [wish, pause] of [
    ['120', 120_000],
    ['99999999', 600_000],
    ['nonsense', 60_000],
  ] as const) {
    await using server = await startServer((_request, response) => {
      response.writeHead(429, { 'retry-after': wish }).end()
    })
    expect(await ask(server.url)).toEqual({ outcome: 'none', pause })
  }
})

test('the body must contain the expected text, or match the RegExp', async () => {
  await using server = await startServer(reply(200, '{"service":"orders","status":"UP"}'))
  const bodyOf = (body: string | RegExp): Promise<CheckResult> => ask(server.url, { expect: { body } })
  expect(await bodyOf('UP')).toEqual({ outcome: 'pass' })
  expect(await bodyOf(/"service":"orders"/)).toEqual({ outcome: 'pass' })
  expect(await bodyOf('"users"')).toEqual({ outcome: 'fail', failure: { reason: 'body', status: 200 } })
})

test('reads at most 16 KiB of an endless body', async () => {
  let sent = 0
  const { url, sockets } = await rawServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    const more = (): void => {
      if (socket.destroyed || sent > 64 * 2 ** 20) return
      sent += 65_536
      if (socket.write('x'.repeat(65_536))) setImmediate(more)
      else socket.once('drain', more)
    }
    more()
  })
  expect(await ask(url, { expect: { body: 'UP' } })).toMatchObject({ failure: { reason: 'body' } })
  expect(sent).toBeLessThan(32 * 2 ** 20)
  expect(await ask(url)).toEqual({ outcome: 'pass' })
  await until(() => sockets.size === 0)
})

test('truncated answers, oversized headers and invalid HTTP fail', async () => {
  for (const talk of [
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.resetAndDestroy(),
    (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    (socket: Socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
    (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(200)}\r\n`),
  ]) {
    const { url } = await rawServer(talk)
    expect(await ask(url, { expect: { body: 'half!' } })).toMatchObject({
      outcome: 'fail',
      failure: { reason: 'error', error: expect.any(Error) },
    })
  }
})

test('endless informational responses (1xx) are not an answer, and end with the check', async () => {
  const { url, sockets } = await rawServer((socket) => {
    const more = (): void => {
      if (socket.destroyed) return
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')
      setImmediate(more)
    }
    more()
  })
  const { result, cancel } = begin(url)
  let answer: CheckResult | undefined
  void result.then((each) => (answer = each))
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(answer).toBeUndefined()
  cancel()
  await until(() => sockets.size === 0)
  expect(answer).toBeUndefined()
})

test('a cancelled check of a server that never answers leaves nothing behind', async () => {
  const { url, sockets } = await rawServer(() => {})
  const { cancel } = begin(url)
  await until(() => sockets.size === 1)
  cancel()
  await until(() => sockets.size === 0)
  expect(sockets.size).toBe(0)
})

test('no server', async () => {
  const { url } = await rawServer(() => {})
  await open.pop()?.[Symbol.asyncDispose]()
  for (const check of [ask(url), new Promise((resolve) => void tcpCheck(undefined)(url, resolve))]) {
    expect(await check).toMatchObject({ outcome: 'fail', failure: { reason: 'error' } })
  }
})

test('uses another port of the same host', async () => {
  await using server = await startServer(reply(200))
  const port = Number(new URL(server.url).port)
  expect(await ask('http://127.0.0.1:1', { port })).toEqual({ outcome: 'pass' })
  expect(server.requests).toHaveLength(1)
})

test('uses TLS as calls do: with the logical name, and the certificate is verified', async () => {
  await using server = await startSecureServer()
  expect(await ask(server.url)).toMatchObject({ outcome: 'fail', failure: { reason: 'error' } })
  expect(await ask(server.url, {}, { connect: { ca: cert } })).toEqual({ outcome: 'pass' })
  expect(await ask(server.url, {}, { connect: { ca: cert }, allowH2: false })).toEqual({ outcome: 'pass' })
  expect(server.seen.every((each) => each.includes('user-service'))).toBe(true)
})

test('tcp: a connection is enough, and nothing is sent', async () => {
  await using server = await startServer(reply(200))
  const result = await new Promise((resolve) => void tcpCheck(undefined)(server.url, resolve))
  expect(result).toEqual({ outcome: 'pass' })
  await until(() => server.connections === 1 && server.open === 0)
  expect(server.requests).toEqual([])
})
