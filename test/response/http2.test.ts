import { constants } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { startAuthority, type Authority, type KeyPair } from '../doors/certificates.ts'
import { describeError } from '../doors/observe.ts'
import { startSecureServer, type SecureAnswer, type SecureServer } from '../doors/secure-server.ts'
import { until } from '../support/until.ts'

let authority: Authority
let pair: KeyPair

beforeAll(async () => {
  authority = await startAuthority()
  pair = await authority.issue('user-service')
})

afterAll(() => authority[Symbol.asyncDispose]())

/** With undici 6, on Node 22, calls with a signal go through fetch. */
const takesSignals = Number.parseInt(process.versions['undici'] ?? '', 10) >= 7

const clientOf = (
  { url }: SecureServer,
  way: 'fast' | 'platform',
  options: Partial<ClientOptions> = {},
): Client =>
  createClient({
    service: 'user-service',
    source: fixed([url]),
    transport: { allowH2: true, connections: 1, connect: { ca: authority.ca } },
    retry: false,
    breaker: false,
    drainTimeout: 0,
    fetch: way,
    ...options,
  })

const isFast = (response: Response): boolean => Object.getPrototypeOf(response) !== Response.prototype

/** Joins what was read before it failed. Where chunks end is random. */
async function bytesOf(response: Response): Promise<unknown> {
  let bytes = 0
  try {
    for await (const piece of response.body ?? []) bytes += piece.byteLength
    return bytes
  } catch (error) {
    return { error: describeError(error) }
  }
}

const text = (response: Response): Promise<unknown> =>
  response.text().catch((error: unknown) => ({ error: describeError(error) }))

async function factsOf(
  call: () => Promise<Response>,
  read: (response: Response) => Promise<unknown> = text,
): Promise<unknown> {
  let response: Response
  try {
    response = await call()
  } catch (error) {
    return { rejected: describeError(error) }
  }
  const { status, statusText, ok, type, url, redirected, headers } = response
  const fields = [...headers].filter(([name]) => name !== 'date')
  const cookies = headers.getSetCookie()
  const hasBody = response.body !== null
  const copy = read === text ? await text(response.clone()) : undefined
  const body = await read(response)
  const { bodyUsed } = response
  const head = {
    status,
    statusText,
    ok,
    type,
    url,
    redirected,
    fields,
    cookies,
  }
  return { ...head, hasBody, copy, body, bodyUsed }
}

const plain: SecureAnswer = (_request, response) => void response.end('ok')
const large: SecureAnswer = (_request, response) => void response.end(Buffer.alloc(3_000_000, 'x'))
const encoded =
  (coding: string, body: Buffer): SecureAnswer =>
  (_request, response) => {
    response.writeHead(200, { 'content-encoding': coding })
    response.end(body)
  }

type Case = [
  name: string,
  answer: SecureAnswer,
  isOurs?: boolean,
  read?: (response: Response) => Promise<unknown>,
  init?: RequestInit,
]

const cases: Case[] = [
  ['a text', plain],
  [
    'headers of all kinds',
    (_request, response) => {
      response.writeHead(201, {
        'set-cookie': ['a=1', 'b=2, c=3'],
        vary: 'a, b',
        'x-latin': 'gr\u00fc\u00dfe',
        empty: '',
      })
      response.end('{"a":1}')
    },
  ],
  [
    'an error',
    (_request, response) => {
      response.writeHead(503)
      response.end('no')
    },
  ],
  ['no content', (_request, response) => response.writeHead(204).end()],
  ['a HEAD', (_request, response) => void response.end(), true, text, { method: 'HEAD' }],
  [
    'a POST',
    (request, response) => void request.pipe(response),
    true,
    text,
    { method: 'POST', body: 'gr\u00fc\u00dfe' },
  ],
  [
    'early hints before it',
    (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('ok')
    },
  ],
  [
    'trailers after it',
    (_request, response) => {
      response.addTrailers({ a: 'b' })
      response.end('ok')
    },
  ],
  ['a long body', large, true, bytesOf],
  [
    'a long body and a slow reader',
    large,
    true,
    async (response) => {
      await sleep(50)
      return bytesOf(response)
    },
  ],
  [
    'a long body that is cancelled',
    large,
    true,
    async (response) => {
      const reader = response.body?.getReader()
      await reader?.read()
      await reader?.cancel('enough')
      return reader?.closed
    },
  ],
  // Over HTTP/2, the body comes after the headers.
  ['deflate', encoded('deflate', deflateSync('hello')), false],
  ['two codings', encoded('gzip, br', brotliCompressSync(gzipSync('hello'))), false],
  ['an unknown coding', encoded('identity', Buffer.from('hello'))],
  // The fetch of Node 22 never ends here.
  ...(takesSignals ? [['a broken coding', encoded('gzip', Buffer.from('no gzip')), false] as Case] : []),
  [
    'a redirect',
    (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' })
      response.end('ok')
    },
    false,
  ],
  [
    'RST_STREAM in the body',
    (_request, response) => {
      response.write('half', () => response.stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    },
  ],
  [
    'RST_STREAM without an error in the body',
    (_request, response) => {
      response.writeHead(200, { 'content-length': 10 })
      response.write('half', () => response.stream.close(constants.NGHTTP2_NO_ERROR))
    },
  ],
  ['REFUSED_STREAM', (_request, response) => response.stream.close(constants.NGHTTP2_REFUSED_STREAM), false],
  [
    'GOAWAY in the body, which goes on',
    (_request, response) => {
      response.write('half ')
      response.stream.session?.goaway(constants.NGHTTP2_NO_ERROR)
      setTimeout(() => response.end('whole'), 20)
    },
  ],
  [
    'GOAWAY in the body, and then the connection is lost',
    (_request, response) => {
      response.write('half', () => response.stream.session?.destroy(new Error('gone')))
    },
  ],
  ['a lost connection', (_request, response) => response.stream.session?.destroy(), false],
]

it.each(cases)(
  'over HTTP/2, a fast response behaves like a fetched one, with %s',
  async (_name, answer, isOurs = true, read = text, init = {}) => {
    // The first call of a kind goes through fetch, and a response such as a redirect does not make later calls fast. So
    // a plain response comes first.
    const script = [plain, answer]
    await using server = await startSecureServer(pair, ...script)
    await using other = await startSecureServer(pair, ...script)
    await using fast = clientOf(server, 'fast')
    await using platform = clientOf(other, 'platform')
    const ways: boolean[] = []
    const noted = async (response: Response): Promise<unknown> => {
      ways.push(isFast(response))
      return read(response)
    }
    for (const client of [fast, platform]) await (await client('/', init)).text()
    for (let call = 0; call < 2; call++) {
      const expected = await factsOf(() => platform('/', init), read)
      const seen = await factsOf(() => fast('/', init), read === text ? text : noted)
      expect(seen).toEqual(expected)
    }
    expect(server.seen.map((line) => line.split(' ')[0])).toEqual(other.seen.map(() => 'HTTP/2.0'))
    expect(server.seen).toHaveLength(other.seen.length)
    // A further call shows whether the response is a fast one.
    const last = await fast('/', init).catch(() => undefined)
    if (last) expect(isFast(last)).toBe(isOurs)
    expect(ways.every((way) => way === isOurs)).toBe(true)
    await last?.body?.cancel().catch(() => {})
    await until(() => fast.snapshot().instances[0]?.inFlight === 0)
  },
)

it('over HTTP/2, concurrent calls share a connection and get their own responses', async () => {
  await using server = await startSecureServer(pair, (request, response) => void response.end(request.url))
  await using client = clientOf(server, 'fast')
  await (await client('/')).text()
  const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
  const answers = paths.map(async (path) => {
    const response = await client(path)
    return [isFast(response), await response.text()]
  })
  expect(await Promise.all(answers)).toEqual(paths.map((path) => [true, path]))
  expect(server.connections).toBe(1)
})

it('over HTTP/2, a refused stream is sent again, and a body cut short is a failure of its instance', async () => {
  await using server = await startSecureServer(
    pair,
    plain,
    (_request, response) => response.stream.close(constants.NGHTTP2_REFUSED_STREAM),
    plain,
    (_request, response) =>
      void response.write('half', () => response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)),
  )
  await using client = clientOf(server, 'fast', {
    retry: { attempts: 2, backoff: 0 },
  })
  expect(await (await client('/')).text()).toBe('ok')
  expect(await (await client('/')).text()).toBe('ok')
  const response = await client('/')
  expect(isFast(response)).toBe(true)
  await expect(response.text()).rejects.toThrow(new TypeError('terminated'))
  expect(client.snapshot().instances[0]?.settled).toMatchObject({ failure: 1 })
})

it.runIf(takesSignals)('over HTTP/2, an abort during the body ends its stream with the reason', async () => {
  let closed = 0
  await using server = await startSecureServer(pair, plain, (_request, response) => {
    response.stream.on('close', () => closed++)
    response.write('half')
  })
  await using fast = clientOf(server, 'fast')
  const reason = new Error('enough')
  const controller = new AbortController()
  await (await fast('/', { signal: controller.signal })).text()
  const response = await fast('/', { signal: controller.signal })
  expect(isFast(response)).toBe(true)
  const read = response.text()
  controller.abort(reason)
  await expect(read).rejects.toBe(reason)
  await until(() => closed === 1)
})

it('over HTTP/2, closing the client during a body ends it', async () => {
  const facts: unknown[] = []
  for (const way of ['platform', 'fast'] as const) {
    await using server = await startSecureServer(
      pair,
      plain,
      (_request, response) => void response.write('half'),
    )
    const client = clientOf(server, way)
    await (await client('/')).text()
    const response = await client('/')
    const read = text(response)
    await client.close()
    facts.push(await read)
  }
  expect(facts[1]).toEqual(facts[0])
})
