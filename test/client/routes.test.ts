import { describe, expect, it } from 'vitest'
import { createClient, type Client, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { collect, instanceOf } from '../support/events.ts'
import { hang, ok, refusedUrl, reply, startServer, type Answer } from '../support/http-server.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  retry: false,
  breaker: { failureThreshold: 3 },
  routes: {
    'GET /users/{id}': { timeout: 10_000 },
    'POST /users': { breaker: { failureThreshold: 2 } },
    'GET /reports/**': { breaker: false },
  },
})

const failing: Answer = reply(500)

async function call(client: Client, times: number, ...args: Parameters<Client>): Promise<void> {
  for (let time = 0; time < times; time++) await (await client(...args)).text()
}

const post = { method: 'POST', body: 'x' }

describe('a route without a breaker rule', () => {
  it('shares the instance’s breaker with all other such routes', async () => {
    await using server = await startServer(failing)
    await using client = createClient(options(server.url))
    await call(client, 1, '/users/42')
    await call(client, 1, 'GET /users/{id}', { params: { id: 7 } })
    await call(client, 1, '/anything/else')
    expect(instanceOf(client, server.host).breaker).toBe('open')
    await expect(client('/users/42')).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
  })
})

describe('a route with a separate breaker', () => {
  it('opens it without touching the instance’s', async () => {
    await using server = await startServer(failing)
    await using client = createClient(options(server.url))
    const opened = collect(client, 'breaker:open')
    await call(client, 2, '/users', post)
    expect(opened).toMatchObject([{ route: 'POST /users' }])
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      routes: { 'POST /users': 'open' },
    })
    await expect(client('/users', post)).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
    server.behave(ok)
    expect((await client('/users/42')).status).toBe(200)
  })

  it('does not use an instance whose own breaker is open', async () => {
    await using server = await startServer(failing)
    await using client = createClient(options(server.url))
    await call(client, 3, '/users/42')
    await expect(client('/users', post)).rejects.toMatchObject({ code: 'ERR_OUTRIGGER_CIRCUIT_OPEN' })
    expect(server.requests).toHaveLength(3)
  })

  it('has one on each instance', async () => {
    await using bad = await startServer(failing)
    await using good = await startServer(ok)
    let turn = 0
    await using client = createClient({
      ...options(bad.url, good.url),
      balance: (endpoints) => endpoints[turn++ % endpoints.length],
    })
    await call(client, 8, '/users', post)
    expect(instanceOf(client, bad.host).routes).toEqual({ 'POST /users': 'open' })
    expect(instanceOf(client, good.host).routes).toEqual({ 'POST /users': 'closed' })
    expect(bad.requests).toHaveLength(2)
  })

  it('counts a connection failure for the instance, on any route', async () => {
    const refused = await refusedUrl()
    await using client = createClient(options(refused))
    const opened = collect(client, 'breaker:open')
    for (let time = 0; time < 3; time++) await client('/users', post).catch(() => {})
    expect(opened.map(({ route }) => route)).toEqual([undefined])
    const { breaker, routes } = instanceOf(client, refused.slice('http://'.length))
    expect({ breaker, routes }).toEqual({ breaker: 'open', routes: { 'POST /users': 'closed' } })
  })

  it('counts a missing response for the route, because there was a connection', async () => {
    await using server = await startServer(hang)
    await using client = createClient({ ...options(server.url), timeout: { attempt: 300 } })
    for (let time = 0; time < 2; time++) await client('/users', post).catch(() => {})
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'closed',
      routes: { 'POST /users': 'open' },
    })
  })
})

describe('a route with breaker: false', () => {
  it('is neither guarded nor counted', async () => {
    await using server = await startServer(failing)
    await using client = createClient(options(server.url))
    await call(client, 5, '/reports/2024/q1')
    expect(instanceOf(client, server.host)).toMatchObject({ breaker: 'closed', settled: { failure: 5 } })
    await call(client, 3, '/users/42')
    expect(instanceOf(client, server.host).breaker).toBe('open')
    await call(client, 1, '/reports/2024/q1')
    expect(server.requests).toHaveLength(9)
  })
})

describe('a rule', () => {
  it('overrides the client’s options field by field', async () => {
    await using server = await startServer(reply(503))
    await using client = createClient({
      ...options(server.url),
      breaker: false,
      retry: { attempts: 2, backoff: 0 },
      routes: { 'GET /once': { retry: false }, 'GET /thrice': { retry: { attempts: 3, backoff: 0 } } },
    })
    for (const path of ['/once', '/twice', '/thrice']) await call(client, 1, path)
    expect(server.requests).toEqual([
      'GET /once',
      'GET /twice',
      'GET /twice',
      'GET /thrice',
      'GET /thrice',
      'GET /thrice',
    ])
  })

  it('keeps timeout.total of the client if it sets only timeout.attempt', async () => {
    await using server = await startServer(hang)
    await using client = createClient({
      ...options(server.url),
      timeout: { total: 30 },
      routes: { 'GET /slow': { timeout: { attempt: 60_000 } } },
    })
    await expect(client('/slow')).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  it('classifies for its own route only', async () => {
    await using server = await startServer(reply(404))
    await using client = createClient({
      ...options(server.url),
      routes: { 'GET /strict/**': { classify: ({ status }) => (status === 404 ? 'failure' : undefined) } },
    })
    await call(client, 1, '/strict/a')
    await call(client, 1, '/lax')
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 1 })
  })

  it('applies to its method and path in any spelling', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const attempts = collect(client, 'attempt')
    const calls: Parameters<Client>[] = [
      ['/users/42'],
      ['http://user-service/users/42?x=1'],
      ['/users/%34%32'],
      [new Request('http://user-service/users/42')],
      ['GET /users/{id}', { params: { id: '42' } }],
    ]
    for (const args of calls) await call(client, 1, ...args)
    expect(attempts.map(({ route }) => route)).toEqual(calls.map(() => 'GET /users/{id}'))
  })

  it('that was not declared gives a call its name, with the policy of the route that its path matches', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const attempts = collect(client, 'attempt')
    await call(client, 1, 'GET /orders/{id}', { params: { id: 1 } })
    await call(client, 1, '/orders/1')
    expect(attempts.map(({ route }) => route)).toEqual(['GET /orders/{id}', undefined])
  })

  it('that was not declared and has no placeholder gets the name of the declared route that it matches', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const attempts = collect(client, 'attempt')
    await call(client, 1, 'GET /users/7')
    await call(client, 1, 'GET /health')
    expect(attempts.map(({ route }) => route)).toEqual(['GET /users/{id}', 'GET /health'])
  })
})
