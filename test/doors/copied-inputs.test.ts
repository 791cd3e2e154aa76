import { setImmediate } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client } from '../../src/index.ts'
import { startServer, type Answer, type TestServer } from '../support/http-server.ts'

/** Says who is asking; the first request of each path is turned down. */
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

describe.each([true, false])('headers that the caller reuses, with instances known: %s', (isReady) => {
  it.each(SHAPES)('as %s are those of the call', async (_name, make) => {
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

  it('of a Request with a body are those of the call', async () => {
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

  it.each(SHAPES.slice(0, 2))('as %s are those of the call, through request()', async (_name, make) => {
    await start(isReady)
    const { headers, reuse } = make()
    const answer = client.request('/a', { headers: headers as Record<string, string> })
    reuse()
    expect(await (await answer).body.text()).toBe('alice')
    expect(seen).toEqual(['/a alice ', '/a alice '])
  })
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

describe('a body that the caller reuses', () => {
  it.each(BODIES)('as %s is that of the call, in each try', async (_name, make, has) => {
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

it('values that a schema is still looking at are those of the call', async () => {
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
