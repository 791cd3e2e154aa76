import { Agent, fetch as npmFetch, interceptors, request } from 'undici'
import { describe, expect, it } from 'vitest'
import { createClient, type ClientOptions } from '../../src/index.ts'
import { fixed } from '../../src/registry/fixed.ts'
import { inOrder } from '../support/balance.ts'
import { collect, instanceOf, outcomes } from '../support/events.ts'
import { echo, hang, ok, refusedUrl, reply, startServer } from '../support/http-server.ts'
import { HandSource } from '../support/source.ts'
import { until } from '../support/until.ts'

const options = (...urls: string[]): ClientOptions => ({
  service: 'user-service',
  source: fixed(urls),
  balance: inOrder,
  retry: { attempts: 3, backoff: 0 },
})

describe('the callable client', () => {
  it.each<[string, Parameters<ReturnType<typeof createClient>>, string]>([
    ['a path', ['/users/42?a=b'], 'GET /users/42?a=b'],
    ['a logical URL', ['http://user-service/users/42'], 'GET /users/42'],
    ['a logical URL in capitals', ['HTTP://USER-SERVICE/a'], 'GET /a'],
    ['a logical URL without a path', ['http://user-service'], 'GET /'],
    ['a URL object', [new URL('http://user-service/users?x=1#y')], 'GET /users?x=1'],
    ['a Request', [new Request('http://user-service/users', { method: 'DELETE' })], 'DELETE /users'],
    [
      'a Request with an init that overrides it',
      [new Request('http://user-service/users'), { method: 'DELETE' }],
      'DELETE /users',
    ],
    ['a relative path', ['users/42'], 'GET /users/42'],
    ['a route key', ['GET /users/{id}', { params: { id: 'a/b' } }], 'GET /users/a%2Fb'],
    [
      'a route key with a query',
      ['GET /users', { query: { q: 'a b', n: [1, 2] } }],
      'GET /users?q=a%20b&n=1&n=2',
    ],
    ['a path with a query besides', ['/users?a=1', { query: { b: 2 } }], 'GET /users?a=1&b=2'],
    [
      'a Request, beside which a query is not ours',
      [new Request('http://user-service/users'), { query: { b: 2 } }],
      'GET /users',
    ],
  ])('takes %s', async (_name, args, line) => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const response = await client(...args)
    expect(await response.text()).toBe('ok')
    expect(server.requests).toEqual([line])
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
  })

  it('accepts a service with a port', async () => {
    await using server = await startServer(ok)
    await using client = createClient({ ...options(server.url), service: 'user-service:8080' })
    const response = await client('/users')
    expect(response.url).toBe('http://user-service:8080/users')
    expect(server.headers[0]).toMatchObject({ host: 'user-service:8080' })
  })

  it('keeps the caller’s headers, in each form', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    for (const headers of [
      { 'x-a': '1' },
      [['x-a', '1']] as [string, string][],
      new Headers({ 'x-a': '1' }),
    ]) {
      await (await client('/', { headers })).text()
    }
    expect(server.headers.map((headers) => headers['x-a'])).toEqual(['1', '1', '1'])
  })

  it('rejects for an invalid URL, and does not throw', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await expect(client('http://[')).rejects.toThrow(TypeError)
    await expect(client('GET /users/{id}')).rejects.toThrow('id')
  })

  it('tries another endpoint at each retry', async () => {
    await using first = await startServer(reply(503))
    await using second = await startServer(reply(502))
    await using third = await startServer(ok)
    await using client = createClient(options(first.url, second.url, third.url))
    const seen = outcomes(client)
    const retries = collect(client, 'call:retry')
    expect(await (await client('/')).text()).toBe('ok')
    expect(seen).toEqual([`${first.host} failure`, `${second.host} failure`, `${third.host} success`])
    expect(retries.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, 503],
      [2, 502],
    ])
  })

  it('does not retry a 500, which is likely on every instance', async () => {
    await using server = await startServer(reply(500))
    await using client = createClient(options(server.url))
    expect((await client('/')).status).toBe(500)
    expect(server.requests).toHaveLength(1)
  })
})

describe('request()', () => {
  it('returns undici’s native result', async () => {
    await using server = await startServer(reply(201, '{"a":1}', { 'x-b': 'c' }))
    await using client = createClient(options(server.url))
    const { statusCode, headers, body } = await client.request('/users/42', { method: 'POST', body: 'x' })
    expect(statusCode).toBe(201)
    expect(headers).toMatchObject({ 'x-b': 'c' })
    expect(await body.json()).toEqual({ a: 1 })
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
  })

  it('retries on another endpoint with the same policy', async () => {
    await using busy = await startServer(reply(503, 'busy'))
    await using healthy = await startServer(echo)
    await using client = createClient(options(busy.url, healthy.url))
    const { body } = await client.request('/', { method: 'PUT', body: 'again' })
    expect(await body.text()).toBe('again')
    await until(() => instanceOf(client, busy.host).inFlight === 0)
  })

  it('rethrows undici’s own error', async () => {
    await using client = createClient({ ...options(await refusedUrl()), retry: false })
    await expect(client.request('/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('accepts route keys, params and query', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const { body } = await client.request('GET /users/{id}', { params: { id: 7 }, query: { a: 1 } })
    await body.dump()
    expect(server.requests).toEqual(['GET /users/7?a=1'])
  })
})

describe('execute()', () => {
  it('runs a function with the chosen instance, and again with another one when it throws', async () => {
    await using client = createClient(options('http://a:1', 'http://b:1'))
    const attempts: string[] = []
    const value = await client.execute(({ id }, { attempt }) => {
      attempts.push(`${attempt} ${id}`)
      if (attempt === 1) throw new Error('first')
      return 'value'
    })
    expect(value).toBe('value')
    expect(attempts).toEqual(['1 a:1', '2 b:1'])
    expect(instanceOf(client, 'a:1')).toMatchObject({ inFlight: 0, settled: { failure: 1 } })
  })

  it('rethrows the function’s own error', async () => {
    await using client = createClient({ ...options('http://a:1'), retry: false })
    const error = new Error('mine')
    await expect(client.execute(() => Promise.reject(error))).rejects.toBe(error)
  })

  it('does not run a function again that is not idempotent', async () => {
    await using client = createClient(options('http://a:1', 'http://b:1'))
    let runs = 0
    const run = (): never => {
      runs++
      throw new Error('once')
    }
    await expect(client.execute(run, { idempotent: false })).rejects.toThrow('once')
    expect(runs).toBe(1)
  })

  it('aborts the signal of a try that takes too long', async () => {
    await using client = createClient({ ...options('http://a:1', 'http://b:1'), timeout: { attempt: 20 } })
    const value = await client.execute(({ id }, { signal }) => {
      if (id === 'b:1') return 'b'
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    })
    expect(value).toBe('b')
    expect(instanceOf(client, 'a:1')).toMatchObject({ inFlight: 0, settled: { failure: 1 } })
  })

  it('classifies a Response by its status', async () => {
    await using client = createClient({ ...options('http://a:1'), retry: false })
    const seen = outcomes(client)
    await client.execute(() => new Response(null, { status: 500 }))
    await client.execute(() => new Response(null, { status: 200 }))
    expect(seen).toEqual(['a:1 failure', 'a:1 success'])
  })

  it('rejects a value that is not a function', async () => {
    await using client = createClient(options('http://a:1'))
    await expect(client.execute('x' as never)).rejects.toThrow('execute() must be a function')
  })
})

describe('the dispatcher', () => {
  it('serves undici’s request with any origin', async () => {
    await using server = await startServer(echo)
    await using client = createClient(options(server.url))
    const seen = outcomes(client)
    const { dispatcher } = client
    const { body } = await request('http://user-service/', { dispatcher, method: 'POST', body: 'hello' })
    expect(await body.text()).toBe('hello')
    expect(server.headers[0]).toMatchObject({ host: 'user-service' })
    expect(seen).toEqual([`${server.host} success`])
  })

  it('serves undici’s own fetch, and the platform’s', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const { dispatcher } = client
    expect(await (await npmFetch('http://user-service/', { dispatcher })).text()).toBe('ok')
    const init = { dispatcher } as unknown as RequestInit
    expect(await (await globalThis.fetch('http://user-service/', init)).text()).toBe('ok')
    await until(() => instanceOf(client, server.host).inFlight === 0)
  })

  it('works behind compose()', async () => {
    await using busy = await startServer(reply(503))
    await using healthy = await startServer(ok)
    let turn = 0
    await using client = createClient({
      ...options(busy.url, healthy.url),
      balance: (endpoints) => endpoints[turn++ % 2],
    })
    const dispatcher = client.dispatcher.compose(interceptors.retry({ minTimeout: 1 }))
    const { body } = await request('http://user-service/', { dispatcher })
    expect(await body.text()).toBe('ok')
  })

  it('picks, breaks and counts, but has no retries and no timeouts', async () => {
    await using server = await startServer(reply(503))
    await using client = createClient({ ...options(server.url), breaker: { failureThreshold: 1 } })
    const { dispatcher } = client
    const { statusCode, body } = await request('http://user-service/', { dispatcher })
    await body.dump()
    expect(statusCode).toBe(503)
    expect(server.requests).toHaveLength(1)
    await expect(request('http://user-service/', { dispatcher })).rejects.toMatchObject({
      code: 'ERR_OUTRIGGER_CIRCUIT_OPEN',
    })
  })

  it('applies the plan that the method and path match', async () => {
    await using server = await startServer(reply(500))
    await using client = createClient({
      ...options(server.url),
      breaker: { failureThreshold: 1 },
      routes: { 'GET /reports/**': { breaker: false } },
    })
    const { dispatcher } = client
    for (let call = 0; call < 3; call++) {
      await (await request('http://user-service/reports/1', { dispatcher })).body.dump()
    }
    expect(server.requests).toHaveLength(3)
    expect(instanceOf(client, server.host).breaker).toBe('closed')
  })

  it('waits for the first snapshot', async () => {
    await using server = await startServer(ok)
    const source = new HandSource()
    await using client = createClient({ ...options(), source })
    const { dispatcher } = client
    const answer = request('http://user-service/', { dispatcher })
    source.push(server.url)
    expect(await (await answer).body.text()).toBe('ok')
  })

  it('aborts with the caller’s signal', async () => {
    await using server = await startServer(hang)
    await using client = createClient(options(server.url))
    const { dispatcher } = client
    const controller = new AbortController()
    const answer = request('http://user-service/', { dispatcher, signal: controller.signal })
    await server.seen(1)
    controller.abort(new Error('mine'))
    await expect(answer).rejects.toThrow('mine')
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, settled: { ignored: 1 } })
  })

  it('rejects https:// if its instances speak plain HTTP, and keeps no load', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const { dispatcher } = client
    await expect(request('https://user-service/', { dispatcher })).rejects.toMatchObject({
      code: 'ERR_OUTRIGGER_DENIED',
    })
    expect(instanceOf(client, server.host)).toMatchObject({ inFlight: 0, pending: 0 })
  })

  it('is not closed by its users', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    await client.dispatcher.close()
    await client.dispatcher.destroy()
    expect(await (await client('/')).text()).toBe('ok')
  })

  it('does not affect other agents', async () => {
    await using server = await startServer(ok)
    await using client = createClient(options(server.url))
    const agent = new Agent()
    await (await client('/')).text()
    expect(await (await request(server.url, { dispatcher: agent })).body.text()).toBe('ok')
    await agent.close()
    expect(await (await client('/')).text()).toBe('ok')
  })
})
