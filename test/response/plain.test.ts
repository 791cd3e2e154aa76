import { createHash } from 'node:crypto'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type Server } from 'node:net'
import { getEventListeners, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { collectUntil } from '../fallback/support.ts'
import {
  echo,
  hang,
  ok,
  redirect,
  reply,
  startServer,
  truncate,
  type Answer,
} from '../support/http-server.ts'
import { until } from '../support/until.ts'

const service = 'user-service'
const trusted = 'user-service.localhost'

function fastClient(url: string, options: Partial<ClientOptions> = {}): Client {
  return createClient({
    service,
    source: fixed([url]),
    fetch: 'fast',
    drainTimeout: 0,
    ...options,
  })
}

/** The expected values of `ok`. */
const INTEGRITY = `sha256-${createHash('sha256').update('ok').digest('base64')}`

/** With undici 6, on Node 22, calls with a signal go through fetch. */
const takesSignals = Number.parseInt(process.versions['undici'] ?? '', 10) >= 7

/** True if the response is a lazy one. Callers need not know this. */
function isFast(response: Response): boolean {
  return Object.getPrototypeOf(response) !== Response.prototype
}

describe('the fast way is used', () => {
  it.each<[string, string | URL, RequestInit | undefined]>([
    ['a path', '/', undefined],
    ['a URL', new URL(`http://${service}/a?b=c`), undefined],
    ['headers', '/', { headers: { 'X-A': '1', accept: 'text/html' } }],
    ['pairs of headers', '/', { headers: [['x-a', '1']] }],
    ['a string', '/', { method: 'POST', body: 'gr\u00fc\u00dfe' }],
    ['bytes', '/', { method: 'PUT', body: new Uint8Array([1, 2]) }],
    ['a form', '/', { method: 'POST', body: new URLSearchParams({ a: '\u00fc' }) }],
    ['a signal', '/', { signal: new AbortController().signal }],
    [
      'a Headers object',
      '/',
      {
        headers: new Headers([
          ['X-B', '2'],
          ['x-a', '1'],
          ['X-b', '3'],
        ]),
      },
    ],
  ])('from the second call on, with %s', async (_name, input, init) => {
    const isTaken = init?.signal == null || takesSignals
    await using server = await startServer(echo)
    await using client = fastClient(server.url)
    const ways: boolean[] = []
    const texts: string[] = []
    for (let call = 0; call < 3; call++) {
      const response = await client(input, init)
      ways.push(isFast(response))
      texts.push(await response.text())
    }
    expect(ways).toEqual([false, isTaken, isTaken])
    expect(new Set(texts).size).toBe(1)
    expect(new Set(server.headers.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  // A Request always has a signal.
  it.runIf(takesSignals)('from the second call on, with a plain Request', async () => {
    await using server = await startServer(echo)
    await using client = fastClient(server.url)
    const make = (user: string): Request =>
      new Request(`http://${service}/a`, {
        headers: { 'X-User': user, accept: 'text/html' },
      })
    const ways: boolean[] = []
    for (const user of ['ada', 'bob', 'eve']) {
      const response = await client(make(user))
      ways.push(isFast(response))
      expect(server.headers.at(-1)).toMatchObject({
        'x-user': user,
        accept: 'text/html',
      })
    }
    expect(ways).toEqual([false, true, true])
    expect(new Set(server.headers.map((each) => Object.keys(each).join())).size).toBe(1)
  })

  it.runIf(takesSignals)('for a Request that is aborted, and its call ends with its own reason', async () => {
    await using server = await startServer(ok, hang)
    await using client = fastClient(server.url)
    await (await client(new Request(`http://${service}/`))).text()
    const controller = new AbortController()
    const call = client(new Request(`http://${service}/`, { signal: controller.signal }))
    await until(() => server.requests.length === 2)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    // The signal of the other request has no effect.
    await expect(
      client(
        new Request(`http://${service}/`, {
          signal: AbortSignal.abort(reason),
        }),
      ),
    ).rejects.toBe(reason)
  })
})

describe('an encoded response', () => {
  const encoded =
    (encoding: string, ...pieces: Buffer[]): Answer =>
    async (_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding })
      for (const piece of pieces) {
        response.write(piece)
        await sleep(20)
      }
      response.end()
    }
  const whole =
    (encoding: string, body: Buffer): Answer =>
    (_request, response) =>
      response
        .writeHead(200, {
          'content-encoding': encoding,
          'content-length': body.length,
        })
        .end(body)
  const hello = gzipSync('hello')

  it.each<[string, Answer, string, boolean]>([
    ['in gzip', whole('gzip', hello), 'hello', true],
    ['in Brotli', whole('br', brotliCompressSync('hello')), 'hello', true],
    ['that is empty', whole('gzip', Buffer.alloc(0)), '', true],
    [
      'of 2 MB after decoding',
      whole('gzip', gzipSync(Buffer.alloc(2_000_000, 'x'))),
      'x'.repeat(2_000_000),
      false,
    ],
    ['in deflate', whole('deflate', deflateSync('hello')), 'hello', true],
    ['in deflate without its header', whole('deflate', deflateRawSync('hello')), 'hello', true],
    ['encoded twice', whole('gzip, gzip', gzipSync(hello)), 'hello', true],
    ['in two codings', whole('Deflate ,BR', brotliCompressSync(deflateSync('hello'))), 'hello', true],
    ['with the coding identity', whole('identity', Buffer.from('hello')), 'hello', true],
    ['in an unknown coding', whole('gzip, unknown', Buffer.from('hello')), 'hello', true],
    [
      'with extra data after it',
      whole('br', Buffer.concat([brotliCompressSync('hello'), hello])),
      'hello',
      false,
    ],
    [
      'cut off in one of two codings',
      whole('gzip, br', brotliCompressSync(hello.subarray(0, 18))),
      'hello',
      false,
    ],
    ['in chunks', encoded('gzip', hello.subarray(0, 12), hello.subarray(12)), 'hello', false],
  ])('%s reads the same', async (_name, answer, text, isOurs) => {
    await using server = await startServer(answer)
    await using client = fastClient(server.url)
    for (const expected of [false, isOurs, isOurs]) {
      const response = await client('/')
      expect(isFast(response)).toBe(expected)
      expect(response.headers.has('content-encoding')).toBe(true)
      expect(await response.text()).toBe(text)
    }
    expect(server.requests).toHaveLength(3)
  })

  it('in zstd is decoded if the fetch of this Node.js version does it', async () => {
    const body = zstdCompressSync('hello')
    await using server = await startServer(whole('zstd', body))
    await using client = fastClient(server.url)
    const read = async (fetch: typeof globalThis.fetch): Promise<unknown[]> => {
      const response = await fetch(`${server.url}/`)
      return [isFast(response), Buffer.from(await response.arrayBuffer()).toString('latin1')]
    }
    const [, platform] = await read(fetch)
    const viaClient: typeof fetch = () => client('/')
    expect(await read(viaClient)).toEqual([false, platform])
    expect(await read(viaClient)).toEqual([true, platform])
  })

  it('with more codings than fetch accepts fails like with fetch', async () => {
    await using server = await startServer(whole('gzip, gzip, gzip, gzip, gzip, gzip', hello))
    await using client = fastClient(server.url, { retry: false })
    const failure = (call: () => Promise<Response>): Promise<unknown> =>
      call().then(
        () => 'no failure',
        ({ message, cause }: Error) => [message, (cause as Error).message],
      )
    const platform = await failure(() => fetch(`${server.url}/`))
    for (let call = 0; call < 3; call++) expect(await failure(() => client('/'))).toEqual(platform)
    expect(server.requests).toHaveLength(4)
  })

  it.each<[string, RequestInit, Answer]>([
    ['HEAD', { method: 'HEAD' }, whole('gzip', Buffer.alloc(0))],
    [
      'a request whose response has no content',
      {},
      (_request, response) => response.writeHead(204, { 'content-encoding': 'br' }).end(),
    ],
  ])('to %s has no body, and comes the fast way', async (_name, init, answer) => {
    await using server = await startServer(answer)
    await using client = fastClient(server.url)
    await client('/', init)
    const response = await client('/', init)
    expect([isFast(response), response.body, await response.text()]).toEqual([true, null, ''])
  })

  it('that is broken fails like with fetch, without another request', async () => {
    await using server = await startServer(whole('gzip', Buffer.from('no gzip')))
    await using client = fastClient(server.url)
    for (let call = 0; call < 3; call++)
      await expect((await client('/')).text()).rejects.toMatchObject({
        message: 'terminated',
        cause: { code: 'Z_DATA_ERROR' },
      })
    expect(server.requests).toHaveLength(3)
  })
})

describe('fetch makes the response', () => {
  it.each<[string, RequestInit]>([
    ['a stream', { method: 'POST', body: new Blob(['x']) }],
    ['another mode', { redirect: 'manual' }],
    [
      'a Headers object with two fields of one name',
      {
        headers: new Headers([
          ['set-cookie', 'a'],
          ['set-cookie', 'b'],
        ]),
      },
    ],
    ['a method in lower case', { method: 'post', body: 'x' }],
  ])('with %s', async (_name, init) => {
    await using server = await startServer(ok)
    await using client = fastClient(server.url)
    for (let call = 0; call < 3; call++) {
      const response = await client('/', init)
      expect(isFast(response)).toBe(false)
      await response.text()
    }
  })

  it.each<[string, RequestInit]>([
    ['a body', { method: 'POST', body: 'x' }],
    ['other credentials', { credentials: 'include' }],
    ['a cache mode', { cache: 'no-store' } as RequestInit],
    ['another mode', { mode: 'no-cors' }],
    ['a referrer', { referrer: '' }],
    ['keepalive', { keepalive: true }],
    ['an integrity', { integrity: INTEGRITY }],
  ])('for a Request with %s', async (_name, init) => {
    await using server = await startServer(ok)
    await using client = fastClient(server.url)
    for (let call = 0; call < 3; call++)
      expect(isFast(await client(new Request(`http://${service}/`, init)))).toBe(false)
  })

  it('for a Request of a subclass, and for a Request with an init', async () => {
    class Own extends Request {}
    await using server = await startServer(ok)
    await using client = fastClient(server.url)
    for (let call = 0; call < 3; call++) {
      expect(isFast(await client(new Own(`http://${service}/`)))).toBe(false)
      expect(
        isFast(
          await client(new Request(`http://${service}/`), {
            headers: { a: 'b' },
          }),
        ),
      ).toBe(false)
    }
  })

  it("with fetch: 'platform'", async () => {
    await using server = await startServer(ok)
    await using client = createClient({
      service,
      source: fixed([server.url]),
      fetch: 'platform',
    })
    for (let call = 0; call < 3; call++) {
      const response = await client('/')
      expect(isFast(response)).toBe(false)
      await response.text()
    }
  })

  it('while user code has replaced the global fetch, which then gets each call', async () => {
    await using server = await startServer(ok)
    await using client = fastClient(server.url)
    await (await client('/')).text()
    const { fetch } = globalThis
    let seen = 0
    globalThis.fetch = (...args) => {
      seen++
      return fetch(...args)
    }
    try {
      await (await client('/')).text()
      await (await client('/')).text()
    } finally {
      globalThis.fetch = fetch
    }
    expect(seen).toBe(2)
    expect(isFast(await client('/'))).toBe(true)
  })

  it.each([
    ['a redirect', [ok, redirect('/there'), ok], 3],
    ['content with a status that allows none', [ok, reply(205)], 2],
    ['a request to send it again on a new connection', [ok, reply(421, 'x')], 3],
  ] as const)('of %s, without sending the first request twice', async (_name, answers, requests) => {
    await using server = await startServer(...answers)
    await using client = fastClient(server.url, { retry: false })
    await (await client('/')).text()
    const response = await client('/')
    await response.text()
    expect(isFast(response)).toBe(false)
    expect(server.requests).toHaveLength(requests)
  })
})

/** Responds to each request with the same text, and records the bytes it got. */
async function rawServer(): Promise<{
  server: Server
  url: string
  got: string[]
}> {
  const got: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      got.push(data.toString('latin1'))
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok')
      socket.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
  }
}

it.each<[string, RequestInit | undefined]>([
  ['nothing', undefined],
  [
    'headers',
    {
      headers: {
        'X-Mixed': 'a',
        'user-agent': 'mine',
        Accept: 'text/html',
        cookie: 'a=b',
      },
    },
  ],
  ['conditions', { headers: { 'if-none-match': '"a"', range: 'bytes=0-1' } }],
  [
    'a string',
    {
      method: 'POST',
      body: 'abc',
      headers: { 'Content-Type': 'application/json' },
    },
  ],
  ['a form', { method: 'PATCH', body: new URLSearchParams({ a: 'b' }) }],
  ['bytes', { method: 'PUT', body: new Uint8Array([97, 98]) }],
  ['a DELETE', { method: 'DELETE' }],
  ['a HEAD', { method: 'HEAD' }],
  [
    'a Headers object',
    {
      headers: new Headers({
        'X-Mixed': 'a',
        Accept: 'text/html',
        'b-First': 'b',
      }),
    },
  ],
])('a request has the same bytes as one of fetch, with %s', async (_name, init) => {
  const { server, url, got } = await rawServer()
  try {
    // The headers and the body may arrive separately.
    const of = async (call: () => Promise<Response>): Promise<string> => {
      got.length = 0
      await (await call()).text()
      return got.join('').split('\r\n\r\n')[0] ?? ''
    }
    // It is as trustworthy as 127.0.0.1, for which fetch of undici 8 sends more headers.
    await using client = fastClient(url, { service: trusted })
    await (await client('/a?b=c', init)).text()
    const fast = await of(() => client('/a?b=c', init))
    const platform = await of(() => fetch(`${url}/a?b=c`, init))
    expect(fast.replace(`host: ${trusted}`, 'host: HOST')).toBe(
      platform.replace(/host: [\d.:]+/, 'host: HOST'),
    )
  } finally {
    server.close()
  }
})

it('concurrent calls of the same kind keep their own headers and bodies', async () => {
  await using server = await startServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    response.end(JSON.stringify([request.headers['authorization'], request.headers['content-length'], body]))
  })
  await using client = fastClient(server.url)
  const call = async (user: number): Promise<unknown> => {
    const headers: Record<string, string> = { authorization: `user ${user}` }
    const answer = client('/', {
      method: 'POST',
      headers,
      body: 'x'.repeat(user),
    })
    // The caller changes its object afterwards.
    headers['authorization'] = 'somebody else'
    return (await answer).json()
  }
  await call(1)
  const users = Array.from({ length: 50 }, (_, index) => index + 1)
  expect(await Promise.all(users.map(call))).toEqual(
    users.map((user) => [`user ${user}`, String(user), 'x'.repeat(user)]),
  )
})

it('each caller goes on in its own async context, with fast responses and with others', async () => {
  await using server = await startServer((request, response) =>
    request.url === '/odd' ? response.writeHead(204).end() : response.end('ok'),
  )
  await using client = fastClient(server.url, {
    transport: { connections: 1 },
  })
  await (await client('/')).text()
  const user = new AsyncLocalStorage<number>()
  const contexts = Array.from({ length: 20 }, (_, index) =>
    user.run(index, async () => {
      const response = await client(index % 2 ? '/odd' : '/')
      await response.text()
      return user.getStore()
    }),
  )
  expect(await Promise.all(contexts)).toEqual(Array.from({ length: 20 }, (_, index) => index))
})

it('a body cut short is a failure of its instance, and a TypeError for its reader', async () => {
  await using server = await startServer(ok, truncate)
  await using client = fastClient(server.url)
  await (await client('/')).text()
  const response = await client('/')
  expect(isFast(response)).toBe(true)
  await expect(response.text()).rejects.toThrow(new TypeError('terminated'))
  expect(client.snapshot().instances[0]?.settled).toMatchObject({
    success: 1,
    failure: 1,
  })
})

it('a failed call is tried again', async () => {
  await using server = await startServer(ok, reply(503), ok)
  await using client = fastClient(server.url)
  await (await client('/')).text()
  expect(await (await client('/')).text()).toBe('ok')
  expect(server.requests).toHaveLength(3)
})

it('a large body that is not read frees its connection when it is garbage-collected', async () => {
  let written = 0
  const size = 64 * 1024 * 1024
  await using server = await startServer(ok, (_request, response) => {
    const piece = Buffer.alloc(256 * 1024)
    const more = (): void => {
      while (written < size) {
        written += piece.length
        if (!response.write(piece)) {
          response.once('drain', more)
          return
        }
      }
      response.end()
    }
    more()
  })
  await using client = fastClient(server.url)
  await (await client('/')).text()
  const state = async (): Promise<boolean> => isFast(await client('/'))
  expect(await state()).toBe(true)
  const inFlight = (): number | undefined => client.snapshot().instances[0]?.inFlight
  expect(inFlight()).toBe(1)
  await collectUntil(() => inFlight() === 0)
  expect(written).toBeLessThan(size)
})

it(
  'a stream that is being read stays alive after its response is collected',
  { timeout: 20_000 },
  async () => {
    let end: (() => void) | undefined
    await using server = await startServer(ok, (_request, response) => {
      response.write('first ')
      end = () => response.end('second')
    })
    await using client = fastClient(server.url)
    await (await client('/')).text()
    const reader = (await client('/')).body?.getReader()
    const first = await reader?.read()
    let turns = 0
    await collectUntil(() => ++turns > 20)
    end?.()
    const second = await reader?.read()
    expect(Buffer.concat([first?.value ?? Buffer.of(), second?.value ?? Buffer.of()]).toString()).toBe(
      'first second',
    )
    await until(() => client.snapshot().instances[0]?.inFlight === 0)
  },
)

it('an invalid value of the option is rejected', () => {
  const options = {
    service,
    source: fixed(['http://127.0.0.1:1']),
    fetch: 'quick',
  } as unknown as ClientOptions
  expect(() => createClient(options)).toThrow(
    new TypeError("fetch must be 'platform' or 'fast', got 'quick'"),
  )
})

it.each([
  ['HEAD', ok, 200],
  ['GET', reply(204), 204],
] as const)('the answer to %s has no body where fetch has none', async (method, answer, status) => {
  await using server = await startServer(ok, answer)
  await using client = fastClient(server.url, { retry: false })
  await (await client('/', { method })).text()
  const response = await client('/', { method })
  expect(isFast(response)).toBe(true)
  expect([response.status, response.body, response.clone().body, response.bodyUsed]).toEqual([
    status,
    null,
    null,
    false,
  ])
  expect([await response.text(), await response.text(), response.bodyUsed]).toEqual(['', '', false])
  expect(client.snapshot().instances[0]?.inFlight).toBe(0)
})

describe('a method taken from Response.prototype', () => {
  const { prototype } = Response

  it('reads the same body, and rejects a body that was already read', async () => {
    await using server = await startServer(reply(201, '{"a":1}'))
    await using client = fastClient(server.url)
    await (await client('/')).text()
    const made = async (): Promise<Response> => {
      const response = await client('/')
      expect(isFast(response)).toBe(true)
      return response
    }
    expect(await prototype.text.call(await made())).toBe('{"a":1}')
    expect(await prototype.json.call(await made())).toEqual({ a: 1 })
    expect((await prototype.blob.call(await made())).size).toBe(7)
    const read = await made()
    expect(await read.text()).toBe('{"a":1}')
    await expect(prototype.text.call(read)).rejects.toThrow('Body is unusable')
    const borrowed = await made()
    await prototype.text.call(borrowed)
    expect(borrowed.bodyUsed).toBe(true)
    await expect(borrowed.text()).rejects.toThrow('Body is unusable')
    try {
      const copy = prototype.clone.call(await made())
      expect([copy.status, await copy.text()]).toEqual([201, '{"a":1}'])
    } catch (error) {
      // Node 26 checks the stream itself, and rejects.
      expect(error).toBeInstanceOf(TypeError)
    }
  })

  it('is called if user code has replaced it', async () => {
    await using server = await startServer(reply(200, 'ok'))
    await using client = fastClient(server.url)
    await (await client('/')).text()
    const { text } = prototype
    Reflect.set(prototype, 'text', async function (this: Response) {
      return `patched ${await text.call(this)}`
    })
    try {
      expect(await (await client('/')).text()).toBe('patched ok')
    } finally {
      Reflect.set(prototype, 'text', text)
    }
  })
})

it('a property that user code adds to Object.prototype is not a header of a response', async () => {
  await using server = await startServer(ok)
  await using client = fastClient(server.url)
  await (await client('/')).text()
  const added = { start: () => {}, finish: 'text' }
  Object.assign(Object.prototype, added)
  try {
    const response = await client('/')
    expect(isFast(response)).toBe(true)
    const names = [...response.headers.keys()]
    const text = await response.text()
    expect([names.includes('finish'), text]).toEqual([false, 'ok'])
  } finally {
    for (const name in added) Reflect.deleteProperty(Object.prototype, name)
  }
})

it.runIf(takesSignals)('a response that is not read releases its signal', async () => {
  await using server = await startServer(ok)
  await using client = fastClient(server.url)
  const { signal } = new AbortController()
  await (await client('/')).text()
  const listeners = (): number => getEventListeners(signal, 'abort').length
  await (await client('/', { signal })).text()
  expect(listeners()).toBe(0)
  const statusOf = async (): Promise<number> => (await client('/', { signal })).status
  expect(await statusOf()).toBe(200)
  expect(listeners()).toBe(1)
  await collectUntil(() => listeners() === 0)
})
