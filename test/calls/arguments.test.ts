import { Headers as NpmHeaders } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, withDeadline, type Client, type ClientOptions } from '../../src/index.ts'
import { collect } from '../support/events.ts'
import { ok, startServer } from '../support/http-server.ts'

const clients: Client[] = []
function client(url: string, options: Partial<ClientOptions> = {}): Client {
  const made = createClient({ service: 'svc', source: fixed([url]), ...options })
  clients.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.close()))
})

const nowhere = 'http://127.0.0.1:1'

/** Each door once, with something in its options. */
const doors: Record<string, (users: Client, options: object) => Promise<unknown>> = {
  fetch: (users, options) => users('/x', options),
  request: (users, options) => users.request('/x', options),
  execute: (users, options) => users.execute(() => 'ran', options),
}

describe('before anything is sent, the client refuses', () => {
  it.each<[keyof typeof doors, object, string]>([
    ['fetch', { deadline: Number.NaN }, 'deadline must be a number >= -Infinity, got NaN'],
    ['request', { deadline: 'x' }, "deadline must be a number, got 'x'"],
    ['execute', { deadline: {} }, 'deadline must be a number, got {}'],
    ['request', { priority: 'urgent' }, "priority must be one of critical, default, sheddable, got 'urgent'"],
    ['execute', { priority: 'urgent' }, "priority must be one of critical, default, sheddable, got 'urgent'"],
    ['request', { signal: {} }, 'signal must have a method addEventListener(), got {}'],
    ['execute', { signal: {} }, 'signal must have a method addEventListener(), got {}'],
    ['execute', { idempotent: 'no' }, "idempotent must be true or false, got 'no'"],
    ['request', { method: 'POST', json: { a: 1 } }, 'request() has no option json'],
  ])('%s with %o', async (door, options, message) => {
    const users = client(nowhere, { retry: false })
    const attempts = collect(users, 'attempt')
    await expect(doors[door]?.(users, options)).rejects.toThrow(message)
    expect(attempts).toEqual([])
  })

  it.each<[string, unknown, object, string]>([
    ['params with a relative path', 'users', { params: { id: 7 } }, "write 'GET /users'"],
    ['params that are a number', 'GET /users', { params: 5 }, 'params must be an object, got 5'],
    ['params that are null', 'GET /users', { params: null }, 'params must be an object, got null'],
    [
      'params in a Map',
      'GET /users',
      { params: new Map([['id', 7]]) },
      'params must be an object, got Map(1)',
    ],
    [
      'a method that differs from the route key',
      'GET /users',
      { method: 'DELETE' },
      'the route key says GET, and method says DELETE',
    ],
  ])('%s', async (_name, input, init, message) => {
    await expect(client(nowhere)(input as string, init)).rejects.toThrow(message)
  })
})

it('a route key for any method uses the policy of the method of the call', async () => {
  await using server = await startServer(ok)
  const users = client(server.url, {
    routes: { 'GET /admin': { breaker: {} }, '/any/{id}': {}, 'GET /both/{id}': {} },
  })
  const routes = collect(users, 'attempt')
  await users('* /admin')
  await users('* /admin', { method: 'POST' })
  await users('* /any/{id}', { params: { id: 1 } })
  await users('* /both/{id}', { params: { id: 1 } })
  expect(routes.map(({ route }) => route)).toEqual([
    'GET /admin',
    'POST /admin',
    '/any/{id}',
    'GET /both/{id}',
  ])
})

it('fetch refuses a value that is no signal, also with coalesce', async () => {
  const users = client(nowhere, { coalesce: true, retry: false })
  await expect(users('/', { signal: {} as AbortSignal })).rejects.toThrow(/AbortSignal/)
})

it('a method in lower case matches a route key in upper case', async () => {
  await using server = await startServer(ok)
  await client(server.url)('GET /users', { method: 'get' })
  expect(server.requests).toEqual(['GET /users'])
})

it('request() reads an iterator of headers once, and sends these headers with each try', async () => {
  await using server = await startServer((_request, response) => response.writeHead(503).end(), ok)
  const users = client(server.url, { retry: { attempts: 2, backoff: 1 } })
  const headers = new Headers({ authorization: 'Bearer t' }).entries()
  await (await users.request('/x', { headers })).body.dump()
  expect(server.headers.map(({ authorization }) => authorization)).toEqual(['Bearer t', 'Bearer t'])
})

it.each<[string, unknown, object]>([
  ['a number as Retry-After', { status: 503, headers: { 'retry-after': 2 } }, { outcome: 'overload' }],
  ['headers in capitals', { status: 503, headers: { 'Retry-After': '2' } }, { outcome: 'overload' }],
  [
    'Headers of a package',
    { status: 503, headers: new NpmHeaders({ 'retry-after': '2' }) },
    { outcome: 'overload' },
  ],
  ['Headers', new Response('', { status: 503, headers: { 'retry-after': '2' } }), { outcome: 'overload' }],
  ['headers of a HAR file', { status: 200, headers: [{ name: 'a', value: 'b' }] }, { outcome: 'success' }],
  ['headers of a table', { status: 200, headers: ['id', 'name'] }, { outcome: 'success' }],
  ['headers that are a number', { status: 200, headers: 5 }, { outcome: 'success' }],
  ['null', null, { outcome: 'success' }],
])(
  'a value with %s that execute() resolves to gets the verdict of a response',
  async (_name, value, event) => {
    const users = client(nowhere, { retry: false })
    const attempts = collect(users, 'attempt')
    expect(await users.execute(() => value)).toBe(value)
    expect(attempts).toEqual([expect.objectContaining(event)])
  },
)

it('a value whose getter throws counts as a failure, and rejects with that error', async () => {
  const users = client(nowhere, { retry: false })
  const value = {
    get status(): number {
      throw new RangeError('unreadable')
    },
  }
  await expect(users.execute(() => value)).rejects.toThrow('unreadable')
  expect(users.snapshot().instances[0]?.settled.failure).toBe(1)
})

describe('withDeadline()', () => {
  it.each<[object, string]>([
    [{ heade: 'x' }, 'withDeadline().heade is not an option'],
    [{ header: null }, 'withDeadline().header must be a header name, got null'],
    [{ header: 'x y' }, "withDeadline().header must be a header name, got 'x y'"],
    [{ clock: {} }, 'withDeadline().clock must have a method now()'],
  ])('refuses %o', (options, message) => {
    expect(() => withDeadline({ headers: {} }, options)).toThrow(message)
  })

  it('reads the Headers class of a package', () => {
    const headers = new NpmHeaders({ 'x-outrigger-deadline': '100' }) as unknown as Headers
    expect(withDeadline({ headers }).deadline).toBeGreaterThan(0)
  })
})
