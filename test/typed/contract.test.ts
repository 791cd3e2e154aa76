import { type } from 'arktype'
import * as v from 'valibot'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { ContractError, createClient, fixed, OutriggerError, type StandardSchema } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf } from '../support/events.ts'
import { echo, ok, redirect, reply, startServer, truncate, type TestServer } from '../support/http-server.ts'

const options = (server: TestServer) => ({
  service: 'user-service',
  source: fixed([server.url]),
  balance: inOrder,
  retry: false as const,
})
const json = (value: unknown, status = 200) => reply(status, JSON.stringify(value))
const User = z.object({ id: z.number(), email: z.string() })
const failure = async (promise: Promise<unknown>): Promise<ContractError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ContractError)) throw new Error('expected a ContractError', { cause: error })
  return error
}

/** A schema by hand. */
const schemaThat = (validate: () => Promise<never>): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate },
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a request with a contract', () => {
  it('is sent as its schemas return it', async () => {
    await using server = await startServer(echo)
    await using client = createClient({
      ...options(server),
      routes: {
        'PUT /orgs/{org}/users/{id}': {
          params: z.object({ org: z.string().toLowerCase(), id: z.number() }),
          query: z.object({ page: z.number().default(1), since: z.date() }),
          body: z.object({ email: z.string().trim(), at: z.date().transform((date) => date.getTime()) }),
        },
      },
    })
    const init = {
      params: { org: 'ACME', id: 42 },
      query: { since: new Date(0) },
      json: { email: ' ann@example.com ', at: new Date(7) },
      headers: { 'x-tenant': 'acme' },
    }
    const response = await client('PUT /orgs/{org}/users/{id}', init)
    expect(server.requests).toEqual(['PUT /orgs/acme/users/42?page=1&since=1970-01-01T00%3A00%3A00.000Z'])
    expect(server.headers[0]).toMatchObject({ 'x-tenant': 'acme', 'content-type': 'application/json' })
    expect(await response.json()).toEqual({ email: 'ann@example.com', at: 7 })
    expect(init.json).toEqual({ email: ' ann@example.com ', at: new Date(7) })
  })

  it('gets the defaults of a query that was left out', async () => {
    await using server = await startServer(ok)
    const query = z.object({ page: z.number().default(1) })
    await using client = createClient({ ...options(server), routes: { 'GET /users': { query } } })
    await client('GET /users')
    expect(server.requests).toEqual(['GET /users?page=1'])
  })

  it.each([
    ['params', { params: { id: 'x' } }, 'params.id'],
    ['missing params', { json: { user: { email: 'a' } } }, 'params.id'],
    ['query', { params: { id: 1 }, query: { tags: ['a', 7] } }, 'query.tags[1]'],
    ['body', { params: { id: 1 }, json: { user: { email: 5 } } }, 'body.user.email'],
    ['missing body', { params: { id: 1 } }, 'body'],
  ])('is rejected before anything is sent because of its %s', async (_part, init, path) => {
    await using server = await startServer(ok)
    await using client = createClient({
      ...options(server),
      routes: {
        'POST /users/{id}': {
          params: z.object({ id: z.number() }),
          query: z.object({ tags: z.array(z.string()).optional() }),
          body: z.object({ user: z.object({ email: z.string() }) }),
        },
      },
    })
    const call = client as unknown as (key: string, init: object) => Promise<Response>
    const error = await failure(call('POST /users/{id}', init))
    expect(error).toMatchObject({
      name: 'ContractError',
      code: 'ERR_OUTRIGGER_CONTRACT',
      route: 'POST /users/{id}',
      path,
      status: undefined,
    })
    expect(error.message).toMatch(`POST /users/{id}: ${path}: Invalid input: expected`)
    expect(error).toBeInstanceOf(OutriggerError)
    expect(server.requests).toEqual([])
    expect(instanceOf(client, server.host).settled).toMatchObject({ failure: 0, ignored: 0 })
  })

  it('may have an asynchronous schema', async () => {
    await using server = await startServer(echo)
    const body = z.object({ email: z.string().refine(async (text) => text.includes('@'), 'no address') })
    await using client = createClient({ ...options(server), routes: { 'POST /users': { body } } })
    const error = await failure(client('POST /users', { json: { email: 'ann' } }))
    expect(error.message).toBe('POST /users: body.email: no address')
    expect(await (await client('POST /users', { json: { email: 'a@b' } })).json()).toEqual({ email: 'a@b' })
  })

  it.each<[string, object, (client: { close(): Promise<void> }) => unknown, RegExp]>([
    ['is aborted', { signal: AbortSignal.timeout(20) }, () => {}, /due to timeout/],
    ['was aborted before', { signal: AbortSignal.abort() }, () => {}, /was aborted/],
    ['has a deadline', { deadline: performance.now() }, () => {}, /no answer from the request schemas of/],
    ['loses its client', {}, (client) => client.close(), /is closed/],
  ])('ends when the call %s, also if its schema never answers', async (_what, init, then, message) => {
    await using server = await startServer(ok)
    const query = schemaThat(() => new Promise(() => {}))
    await using client = createClient({ ...options(server), routes: { 'POST /users': { query } } })
    const cancelled: unknown[] = []
    const body = new ReadableStream({
      cancel(reason) {
        cancelled.push(reason)
      },
    })
    const call = client('POST /users', { ...init, body, duplex: 'half', query: {} } as never)
    void then(client)
    await expect(call).rejects.toThrow(message)
    expect(cancelled).toHaveLength(1)
    expect(server.requests).toEqual([])
  })

  it('passes on the error of a schema that throws', async () => {
    await using server = await startServer(ok)
    const boom = new Error('a bug in a schema')
    const query = z.object({}).refine(() => {
      throw boom
    })
    await using client = createClient({ ...options(server), routes: { 'GET /users': { query } } })
    await expect(client('GET /users')).rejects.toBe(boom)
  })

  it('does not apply to a path or a URL, which are plain fetch', async () => {
    await using server = await startServer(json({ id: 'x' }))
    const contract = { query: z.object({ q: z.string() }), responses: { 200: User } }
    await using client = createClient({ ...options(server), routes: { 'GET /users': contract } })
    expect(await (await client('/users')).json()).toEqual({ id: 'x' })
    expect(await (await client('http://user-service/users')).json()).toEqual({ id: 'x' })
  })
})

describe('a response with a contract', () => {
  it.each<[string, StandardSchema]>([
    ['zod', z.object({ id: z.number(), at: z.string().transform((text) => new Date(text)) })],
    [
      'valibot',
      v.object({
        id: v.number(),
        at: v.pipe(
          v.string(),
          v.transform((text) => new Date(text)),
        ),
      }),
    ],
    ['arktype', type({ id: 'number', at: 'string.date.iso.parse' })],
  ])('is returned as %s transforms it', async (_library, schema) => {
    await using server = await startServer(json({ id: 1, at: '1970-01-01T00:00:00.000Z' }))
    const contract = { responses: { 200: schema } }
    await using client = createClient({ ...options(server), routes: { 'GET /users/{id}': contract } })
    const response = await client('GET /users/{id}', { params: { id: 1 } })
    expect(response).toBeInstanceOf(globalThis.Response)
    expect(response.url).toBe('http://user-service/users/1')
    expect(await response.clone().json()).toEqual({ id: 1, at: new Date(0) })
    expect(await response.json()).toEqual({ id: 1, at: new Date(0) })
  })

  it.each<[string, StandardSchema]>([
    ['zod', z.object({ items: z.array(z.object({ 'the id': z.number() })) })],
    ['valibot', v.object({ items: v.array(v.object({ 'the id': v.number() })) })],
    ['arktype', type({ items: type({ 'the id': 'number' }).array() })],
  ])('names the field of a nested path in the form of %s', async (_library, schema) => {
    await using server = await startServer(json({ items: [{ 'the id': 1 }, { 'the id': 'secret' }] }))
    await using client = createClient({
      ...options(server),
      routes: { 'GET /users': { responses: { 200: schema } } },
    })
    const error = await failure((await client('GET /users')).json())
    expect(error).toMatchObject({
      path: 'response.items[1]["the id"]',
      status: 200,
      route: 'GET /users',
      issues: [{ path: 'response.items[1]["the id"]' }],
    })
    expect(error.message).toMatch(/^GET \/users: response\.items\[1\]\["the id"\]: /)
    expect(error.message).not.toContain(server.host)
  })

  it.each([
    [200, 'exact'],
    [201, 'range'],
    [404, 'default'],
  ])('of status %i is checked by the schema for its %s status', async (status, by) => {
    await using server = await startServer(json({ by }, status))
    const responses = {
      200: z.object({ by: z.literal('exact') }),
      '2XX': z.object({ by: z.literal('range') }),
      default: z.object({ by: z.literal('default') }),
    }
    await using client = createClient({ ...options(server), routes: { 'GET /users': { responses } } })
    expect(await (await client('GET /users')).json()).toEqual({ by })
  })

  it('with an undeclared status is rejected, and its body read', async () => {
    await using server = await startServer(json({ id: 1, email: 'a' }, 418), reply(502, '<html>'), ok)
    await using client = createClient({
      ...options(server),
      breaker: false,
      routes: { 'GET /users': { responses: { 200: User } } },
    })
    const teapot = await client('GET /users')
    const error = await failure(teapot.json())
    expect(error.message).toBe('GET /users: response: the status 418 is not declared')
    expect(error.status as number).toBe(418)
    expect(teapot.bodyUsed).toBe(true)
    const gateway = await failure((await client('GET /users')).json())
    expect(gateway.message).toBe('GET /users: response: the status 502 is not declared')
  })

  it('that is not JSON is rejected, with the reason as cause', async () => {
    await using server = await startServer(reply(200, '<html>'))
    await using client = createClient({
      ...options(server),
      routes: { 'GET /users': { responses: { 200: User } } },
    })
    const error = await failure((await client('GET /users')).json())
    expect(error.message).toBe('GET /users: response: is not JSON')
    expect(error.cause).toBeInstanceOf(SyntaxError)
  })

  it('that is cut short fails like with fetch', async () => {
    await using server = await startServer(truncate)
    await using client = createClient({
      ...options(server),
      routes: { 'GET /users': { responses: { 200: User } } },
    })
    const response = await client('GET /users')
    await expect(response.json()).rejects.toThrow(TypeError)
  })

  it('is not validated by text(), nor without a body', async () => {
    await using server = await startServer(reply(200, 'no JSON'), reply(204))
    await using client = createClient({
      ...options(server),
      routes: { 'GET /users': { responses: { 200: User, 204: null } } },
    })
    expect(await (await client('GET /users')).text()).toBe('no JSON')
    await expect((await client('GET /users')).json()).rejects.toThrow(SyntaxError)
  })

  it('may have an asynchronous schema', async () => {
    await using server = await startServer(json({ id: 1 }), json({ id: 2 }))
    const known = z.object({ id: z.number().refine(async (id) => id === 1, 'unknown') })
    await using client = createClient({
      ...options(server),
      routes: { 'GET /users': { responses: { 200: known } } },
    })
    expect(await (await client('GET /users')).json()).toEqual({ id: 1 })
    expect((await failure((await client('GET /users')).json())).message).toMatch('response.id: unknown')
  })

  it('that a fallback returned is checked too', async () => {
    await using server = await startServer(reply(503))
    await using client = createClient({
      ...options(server),
      fallback: () => Response.json({ id: 'none' }),
      routes: { 'GET /users': { responses: { 200: User }, contractFailure: true } },
    })
    expect((await failure((await client('GET /users')).json())).path).toBe('response.id')
  })

  it('reports at most ten issues, and the number of the others', async () => {
    await using server = await startServer(json(Array.from({ length: 500 }, () => 'x')))
    const responses = { 200: z.array(z.number()) }
    await using client = createClient({ ...options(server), routes: { 'GET /numbers': { responses } } })
    const error = await failure((await client('GET /numbers')).json())
    expect(error.message).toMatch(/response\[0\]: .+ \(and 499 more\)$/)
    expect(error.issues).toHaveLength(10)
  })

  it('is not shown in the error, whatever the schema writes', async () => {
    const secret = 'top secret '.repeat(1_000)
    await using server = await startServer(json({ [secret]: secret }))
    const chatty = v.record(v.string(), v.number())
    await using client = createClient({
      ...options(server),
      routes: { 'GET /secrets': { responses: { 200: chatty } } },
    })
    const error = await failure((await client('GET /secrets')).json())
    expect(error.message.length).toBeLessThan(400)
    expect(JSON.stringify(error).length).toBeLessThan(1_000)
  })
})

describe('validate', () => {
  const Strict = { query: z.object({ n: z.number() }), responses: { 200: z.array(User) } }
  const broken = { query: { n: 'one' as never } }

  it("'off' validates nothing", async () => {
    await using server = await startServer(json([{ id: 'x' }]))
    await using client = createClient({
      ...options(server),
      validate: 'off',
      routes: { 'GET /users': Strict },
    })
    const response = await client('GET /users', broken)
    expect(await response.json()).toEqual([{ id: 'x' }])
    expect(server.requests).toEqual(['GET /users?n=one'])
  })

  it("'warn' returns everything unchanged, and warns once for each route and field", async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const many = [
      { id: 1, email: 'a' },
      { id: 'y', email: 'b' },
    ]
    await using server = await startServer(json(many), json(many.slice(1)), json({}, 500), reply(200, '<'))
    await using client = createClient({
      ...options(server),
      validate: 'warn',
      routes: { 'GET /users': Strict },
    })
    expect(await (await client('GET /users', broken)).json()).toEqual(many)
    expect(await (await client('GET /users', broken)).json()).toEqual(many.slice(1))
    expect(await (await client('GET /users', broken)).json()).toEqual({})
    await expect((await client('GET /users', broken)).json()).rejects.toThrow(SyntaxError)
    expect(emitWarning.mock.calls.map(([warning]) => warning)).toMatchObject([
      { name: 'ContractError', code: 'ERR_OUTRIGGER_CONTRACT', path: 'query.n' },
      { path: 'response[1].id' },
      { path: 'response', status: 500 },
    ])
  })

  it("'warn' returns a valid response as its schema transforms it", async () => {
    await using server = await startServer(json('7'))
    const responses = { 200: z.string().transform(Number) }
    await using client = createClient({
      ...options(server),
      validate: 'warn',
      routes: { 'GET /count': { responses } },
    })
    expect(await (await client('GET /count')).json()).toBe(7)
  })

  it('remembers a limited number of fields', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const names = Array.from({ length: 150 }, (_, index) => `field${index}`)
    await using server = await startServer(...names.map((name) => json({ [name]: 'x' })))
    const responses = { 200: z.record(z.string(), z.number()) }
    await using client = createClient({
      ...options(server),
      validate: 'warn',
      routes: { 'GET /map': { responses } },
    })
    while (server.requests.length < names.length) await (await client('GET /map')).json()
    expect(emitWarning).toHaveBeenCalledTimes(100)
  })

  it('of a route has priority over the one of the client', async () => {
    await using server = await startServer(json({}))
    await using client = createClient({
      ...options(server),
      validate: 'off',
      routes: { 'GET /users': { responses: { 200: User }, validate: 'error' } },
    })
    expect((await failure((await client('GET /users')).json())).path).toBe('response.id')
  })
})

describe('contractFailure', () => {
  const contract = { responses: { 200: User } }
  const breaker = { failureThreshold: 2, openFor: 1_000 }

  it('counts a response that breaks its contract as a failure of its instance', async () => {
    await using server = await startServer(json({ id: 'x' }))
    await using client = createClient({
      ...options(server),
      breaker,
      contractFailure: true,
      routes: { 'GET /users': contract },
    })
    for (let call = 0; call < 2; call++) {
      const response = await client('GET /users')
      await failure(response.clone().json())
      // One response is one failure.
      await failure(response.json())
    }
    expect(instanceOf(client, server.host)).toMatchObject({
      breaker: 'open',
      inFlight: 0,
      settled: { success: 0, failure: 2 },
    })
  })

  it('also counts a breach that only causes a warning', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using server = await startServer(json({ id: 'x' }), reply(200, '<html>'), json({}, 418))
    await using client = createClient({
      ...options(server),
      breaker: false,
      validate: 'warn',
      routes: { 'GET /users': { ...contract, contractFailure: true } },
    })
    await (await client('GET /users')).json()
    await (await client('GET /users')).json().catch(() => {})
    await (await client('GET /users')).json()
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 0, failure: 3 })
  })

  it('counts against the instance that responded, also when the caller gets another Response object', async () => {
    await using server = await startServer(json({ id: 'x' }))
    await using client = createClient({
      ...options(server),
      contractFailure: true,
      stale: { maxAge: 60_000 },
      coalesce: true,
      routes: { 'GET /users': contract },
    })
    const [one, two] = await Promise.all([client('GET /users'), client('GET /users')])
    await failure(one.json())
    await failure(two.json())
    expect(server.requests).toHaveLength(1)
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 0, failure: 1 })
  })

  it('counts against no instance after a redirect to another host', async () => {
    await using stranger = await startServer(json({ id: 'x' }))
    await using server = await startServer(redirect(stranger.url))
    await using client = createClient({
      ...options(server),
      contractFailure: true,
      routes: { 'GET /users': contract },
    })
    await failure((await client('GET /users')).json())
    expect(instanceOf(client, server.host).settled).toMatchObject({ success: 1, failure: 0 })
  })

  it('is off by default', async () => {
    await using server = await startServer(json({ id: 'x' }))
    await using client = createClient({ ...options(server), breaker, routes: { 'GET /users': contract } })
    for (let call = 0; call < 3; call++) await failure((await client('GET /users')).json())
    expect(instanceOf(client, server.host)).toMatchObject({ breaker: 'closed', settled: { success: 3 } })
  })
})

describe('a contract is rejected at construction', () => {
  it.each<[string, object, RegExp]>([
    ['an invalid schema', { params: { id: 'number' } }, /routes\['GET \/users'\]\.params must be a Standard/],
    ['a body that is none', { body: null }, /\.body must be a Standard Schema .+ got null/],
    ['responses that are none', { responses: User.parse }, /\.responses must be an object/],
    ['an answer that is none', { responses: { 200: 5 } }, /\.responses\['200'\] must be a Standard Schema/],
    ['an invalid status', { responses: { ok: User } }, /\.responses has the key 'ok'/],
    ['an informational status', { responses: { '1XX': User } }, /\.responses has the key '1XX'/],
    ['an unknown mode', { validate: 'strict' }, /\.validate must be 'off', 'warn' or 'error', got 'strict'/],
    ['an invalid mode', { contractFailure: 'yes' }, /\.contractFailure must be true or false, got 'yes'/],
  ])('%s', (_what, rule, message) => {
    const source = fixed(['http://127.0.0.1:1'])
    const routes = { 'GET /users': rule }
    expect(() => createClient({ service: 'user-service', source, routes })).toThrow(message)
  })

  it('the client-wide mode', () => {
    const source = fixed(['http://127.0.0.1:1'])
    const validate = 'never' as 'off'
    expect(() => createClient({ service: 'user-service', source, validate })).toThrow(/^validate must be/)
  })
})
