import { setImmediate } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { startServer, type Answer, type TestServer } from '../support/http-server.ts'

/** Responds with the user of the request. The first request of each path gets a 503. */
const seen: string[] = []
const failFirst: Answer = async (request, response) => {
  const body = await text(request)
  const isFirst = !seen.some((line) => line.startsWith(`${request.url} `))
  seen.push(`${request.url} ${request.headers.authorization} ${body}`)
  response.writeHead(isFirst ? 503 : 200).end(String(request.headers.authorization))
}

let server: TestServer
let client: Client
afterEach(async () => {
  seen.length = 0
  await client.close()
  await server.close()
})

async function start(isReady: boolean): Promise<void> {
  server = await startServer(failFirst)
  client = createClient({
    service: 'svc',
    source: fixed([server.url]),
    breaker: false,
    retry: { attempts: 3, backoff: { initial: 20, max: 20 } },
    budget: { ratio: 1, minPerSecond: 100 },
    routes: { 'POST /{x}': { idempotent: true } },
  })
  if (isReady) await client.ready()
}

type Shape = [name: string, make: () => { headers: NonNullable<RequestInit['headers']>; reuse: () => void }]

const SHAPES: Shape[] = [
  [
    'a Headers',
    () => {
      const headers = new Headers({ authorization: 'alice' })
      return { headers, reuse: () => headers.set('authorization', 'bob') }
    },
  ],
  [
    'an object',
    () => {
      const headers = { authorization: 'alice' }
      return { headers, reuse: () => (headers.authorization = 'bob') }
    },
  ],
  [
    'an array of pairs',
    () => {
      const pair: [string, string] = ['authorization', 'alice']
      return { headers: [pair], reuse: () => (pair[1] = 'bob') }
    },
  ],
]

describe.each([true, false])('headers that the caller changes later, with instances known: %s', (isReady) => {
  it.each(SHAPES)('given as %s are sent as they were at the call', async (_name, make) => {
    await start(isReady)
    const { headers, reuse } = make()
    const answer = client('/a', { headers })
    reuse()
    expect(await (await answer).text()).toBe('alice')
    expect(seen).toEqual(['/a alice ', '/a alice '])
  })

  it.each<[string, (request: Request) => Promise<Response>]>([
    ['alone', (request) => client(request)],
    ['with an init beside it', (request) => client(request, { redirect: 'follow' })],
    ['in the place of the init', (request) => client('/a', request)],
  ])('of a Request %s are those of the call', async (_name, call) => {
    await start(isReady)
    const request = new Request('http://svc/a', { headers: { authorization: 'alice' } })
    const answer = call(request)
    request.headers.set('authorization', 'bob')
    expect(await (await answer).text()).toBe('alice')
    expect(seen).toEqual(['/a alice ', '/a alice '])
  })

  it('of a Request with a body are sent as they were at the call', async () => {
    await start(isReady)
    const request = new Request('http://svc/a', {
      method: 'POST',
      body: 'alice',
      headers: { authorization: 'alice' },
    })
    const answer = client(request)
    request.headers.set('authorization', 'bob')
    expect(await (await answer).text()).toBe('alice')
    expect(seen).toEqual(['/a alice alice', '/a alice alice'])
  })

  it.each(SHAPES.slice(0, 2))(
    'given as %s are sent as they were at the call, through request()',
    async (_name, make) => {
      await start(isReady)
      const { headers, reuse } = make()
      const answer = client.request('/a', { headers: headers as Record<string, string> })
      reuse()
      expect(await (await answer).body.text()).toBe('alice')
      expect(seen).toEqual(['/a alice ', '/a alice '])
    },
  )
})

const BODIES: [
  name: string,
  make: () => { body: NonNullable<RequestInit['body']>; reuse: () => void },
  has: string,
][] = [
  [
    'a Buffer',
    () => {
      const body = Buffer.from('alice')
      return { body, reuse: () => body.write('bobby') }
    },
    'alice',
  ],
  [
    'an ArrayBuffer',
    () => {
      const bytes = new TextEncoder().encode('alice')
      return { body: bytes.buffer, reuse: () => bytes.fill(98) }
    },
    'alice',
  ],
  [
    'URLSearchParams',
    () => {
      const body = new URLSearchParams({ user: 'alice' })
      return { body, reuse: () => body.set('user', 'bob') }
    },
    'user=alice',
  ],
  [
    'FormData',
    () => {
      const body = new FormData()
      body.set('user', 'alice')
      return { body, reuse: () => body.set('user', 'bob') }
    },
    'alice',
  ],
]

describe('a body that the caller changes later', () => {
  it.each(BODIES)('given as %s is sent with each try as it was at the call', async (_name, make, has) => {
    await start(true)
    const { body, reuse } = make()
    const answer = client('/b', { method: 'POST', body })
    await setImmediate()
    reuse()
    expect((await answer).status).toBe(200)
    expect(seen).toHaveLength(2)
    for (const line of seen) {
      expect(line).toContain(has)
      expect(line).not.toContain('bob')
    }
  })
})

it('values that the caller changes during a schema’s validation are sent as they were at the call', async () => {
  server = await startServer(async (request, response) => {
    response.end(`${request.url} ${await text(request)}`)
  })
  const slow = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: async (value: unknown) => {
        await setImmediate()
        return { value }
      },
    },
  }
  client = createClient({
    service: 'svc',
    source: fixed([server.url]),
    routes: { 'POST /{user}': { params: slow, query: slow, body: slow } },
  })
  const params = { user: 'alice' }
  const query = { user: ['alice'] }
  const json = { user: { name: 'alice' }, __proto__: null }
  const headers = { authorization: 'alice' }
  const answer = client('POST /{user}', { params, query, json, headers })
  params.user = json.user.name = headers.authorization = 'bob'
  query.user[0] = 'bob'
  expect(await (await answer).text()).toBe('/alice?user=alice {"user":{"name":"alice"}}')
})

describe('a change by the caller of a dispatcher while the request waits', () => {
  const waits: [name: string, make: () => Promise<Client>][] = [
    [
      'for headers()',
      async () => {
        const waiting = createClient({
          service: 'svc',
          source: fixed([server.url]),
          headers: () => setImmediate({ 'x-own': '1' }),
        })
        await waiting.ready()
        return waiting
      },
    ],
    [
      'for the first instances',
      async () => {
        async function* late(): AsyncGenerator<{ url: string }[]> {
          await setImmediate()
          yield [{ url: server.url }]
        }
        return createClient({ service: 'svc', source: { watch: late } as never })
      },
    ],
  ]
  const echo: Answer = async (asked, response) => {
    response.end(`${asked.url} ${asked.rawHeaders.join()} ${await text(asked)}`)
  }

  it.each(waits)('%s has no effect on headers, query and bytes', async (_name, make) => {
    server = await startServer(echo)
    client = await make()
    const headers = new Map([['authorization', 'alice']])
    const object = { authorization: 'alice', more: ['alice'] }
    const query = { user: ['alice'] }
    const body = Buffer.from('alice')
    const options = { dispatcher: client.dispatcher, method: 'PUT' as const, query, body }
    const answers = [
      request('http://svc/a', { ...options, headers }),
      request('http://svc/a', { ...options, headers: object }),
    ]
    headers.set('authorization', 'bob')
    object.authorization = object.more[0] = query.user[0] = 'bob'
    body.write('bobby')
    for (const answer of answers) {
      const all = await (await answer).body.text()
      expect(all).toMatch(/^\/a\?user=alice .*alice.* alice$/)
      expect(all).not.toContain('bob')
    }
  })

  it('has no effect when the request is sent again on another connection, with the caller’s Host', async () => {
    const headers = { host: 'other', authorization: ['alice'] }
    const cut: Answer = (asked) => {
      headers.authorization[0] = headers.host = 'bob'
      asked.socket.destroy()
    }
    server = await startServer(echo, cut, echo)
    client = createClient({ service: 'svc', source: fixed([server.url]), transport: { connections: 1 } })
    await client.ready()
    const ask = async (): Promise<string> =>
      (await request('http://svc/a', { dispatcher: client.dispatcher, headers })).body.text()
    const first = await ask()
    expect(first).toContain('alice')
    expect(await ask()).toBe(first)
    expect(server.requests).toHaveLength(3)
  })
})

it('an object that fetch converts to text is converted at the call, for all tries', async () => {
  await start(false)
  let user = 'alice'
  const answer = client('/b', { method: 'POST', body: { toString: () => user } as never })
  user = 'bob'
  expect((await answer).status).toBe(200)
  expect(seen).toEqual(['/b undefined alice', '/b undefined alice'])
})

const UNREADABLE = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

it.each<[string, () => object]>([
  ['an init that cannot be read', UNREADABLE],
  ['a body that cannot be looked at', () => ({ method: 'POST', body: UNREADABLE() })],
  ['a function that makes such a body', () => ({ method: 'POST', body: UNREADABLE })],
  [
    'a getter that throws',
    () => ({
      get body() {
        throw new RangeError('no body')
      },
    }),
  ],
])('%s makes the call reject, and not throw', async (_name, make) => {
  await start(true)
  // An unhandled throw would fail the test here.
  const calls: Promise<unknown>[] = [client('/a', make()), client.request('/a', make())]
  for (const call of calls) await expect(call).rejects.toBeInstanceOf(Error)
  expect(client.snapshot().instances[0]).toMatchObject({ inFlight: 0, settled: { failure: 0 } })
})
