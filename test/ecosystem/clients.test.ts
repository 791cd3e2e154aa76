import { readFileSync } from 'node:fs'
import { createClient as createHeyApiClient } from '@hey-api/client-fetch'
import { create as createAxios } from 'axios'
import { GraphQLClient } from 'graphql-request'
import ky from 'ky'
import { createFetch as createOfetch } from 'ofetch'
import OpenAI from 'openai'
import createOpenApiClient from 'openapi-fetch'
import { describe, expect, it } from 'vitest'
import { createClient, createFetch, fixed, type Client } from '../../src/index.ts'
import { inOrder } from '../support/balance.ts'
import { instanceOf, outcomes } from '../support/events.ts'
import { hang, reply, startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'
import { echoRequest } from './echo-request.ts'
import type { paths } from './paths.ts'

type Fetch = typeof globalThis.fetch

/** What the server has seen, said by the client on top. */
interface Seen {
  method: string
  url: string
  body: unknown
}

interface Library {
  readonly name: string
  /** `POST /users/42?verbose=true` with `{ "name": "Ada" }`, its own way; gives the parsed answer. */
  readonly call: (fetch: Fetch, signal?: AbortSignal) => Promise<unknown>
  /** What it sends. */
  readonly sends: Seen
}

const origin = 'http://user-service'
const name = 'Ada'
const usual: Seen = { method: 'PUT', url: '/users/42?verbose=true', body: { name } }

const libraries: readonly Library[] = [
  {
    name: 'openapi-fetch',
    sends: usual,
    call: async (fetch, signal) => {
      const users = createOpenApiClient<paths>({ baseUrl: origin, fetch })
      const { data, error } = await users.PUT('/users/{id}', {
        params: { path: { id: 42 }, query: { verbose: true } },
        body: { name },
        ...(signal && { signal }),
      })
      if (error) throw new Error('an error response', { cause: error })
      return data
    },
  },
  {
    name: 'ky',
    sends: usual,
    call: (fetch, signal) =>
      ky
        .create({ prefix: origin, fetch, retry: 0, ...(signal && { signal }) })
        .put('users/42', { searchParams: { verbose: true }, json: { name } })
        .json(),
  },
  {
    name: 'ofetch',
    sends: usual,
    call: (fetch, signal) =>
      createOfetch({ fetch, Headers, AbortController })('/users/42', {
        baseURL: origin,
        method: 'PUT',
        query: { verbose: true },
        body: { name },
        retry: 0,
        ...(signal && { signal }),
      }),
  },
  {
    name: 'axios',
    sends: usual,
    call: async (fetch, signal) => {
      const users = createAxios({ baseURL: origin, adapter: 'fetch', env: { fetch } })
      const config = { params: { verbose: true }, ...(signal && { signal }) }
      return (await users.put<unknown>('/users/42', { name }, config)).data
    },
  },
  {
    name: '@hey-api/client-fetch',
    sends: usual,
    call: async (fetch, signal) => {
      const users = createHeyApiClient({ baseUrl: origin, fetch, throwOnError: true })
      const { data } = await users.put({
        url: '/users/{id}',
        path: { id: 42 },
        query: { verbose: true },
        body: { name },
        headers: { 'content-type': 'application/json' },
        ...(signal && { signal }),
      })
      return data
    },
  },
  {
    name: 'graphql-request',
    sends: {
      method: 'POST',
      url: '/graphql',
      body: { query: 'query Q($id: ID!) { user(id: $id) }', variables: { id: '42' }, operationName: 'Q' },
    },
    call: async (fetch, signal) => {
      const users = new GraphQLClient(`${origin}/graphql`, { fetch })
      const document = 'query Q($id: ID!) { user(id: $id) }'
      const answer = await users.request<{ echo: unknown }>({
        document,
        variables: { id: '42' },
        ...(signal && { signal }),
      })
      return answer.echo
    },
  },
  {
    name: 'openai',
    sends: { method: 'POST', url: '/v1/responses', body: { model: 'm', input: name } },
    call: async (fetch, signal) => {
      const models = new OpenAI({ apiKey: 'k', baseURL: `${origin}/v1`, fetch, maxRetries: 0 })
      return models.responses.create({ model: 'm', input: name }, signal ? { signal } : {})
    },
  },
]

/** A client of some servers, tried in order, and an app-wide fetch over it. */
function clientOf(way: 'platform' | 'fast', ...servers: readonly TestServer[]): Client {
  return createClient({
    service: 'user-service',
    fetch: way,
    source: fixed(servers.map(({ url }) => url)),
    balance: inOrder,
    routes: { '/graphql': { idempotent: true }, '/v1/responses': { idempotent: true } },
    retry: { attempts: 2, backoff: 0 },
  })
}

const busy: Answer = (message, response) => message.resume().on('end', () => response.writeHead(503).end())

const ways = libraries.flatMap((each) => (['platform', 'fast'] as const).map((way) => ({ ...each, way })))

describe.each(ways)('$name, with fetch: $way', ({ call, sends, way }) => {
  it.each<[string, (users: Client) => Fetch]>([
    ['a client', (users) => users],
    ['createFetch', (users) => createFetch({ services: { 'user-service': users }, otherwise: 'deny' })],
  ])('sends its requests through %s', async (_door, fetchOf) => {
    await using server = await startServer(echoRequest)
    await using users = clientOf(way, server)
    // The first call of a shape goes through fetch.
    for (const calls of [1, 2]) {
      expect(await call(fetchOf(users))).toMatchObject(sends)
      expect(server.requests).toHaveLength(calls)
      expect(server.headers[calls - 1]).toMatchObject({
        host: 'user-service',
        'content-type': expect.stringContaining('json'),
      })
      expect(instanceOf(users, server.host)).toMatchObject({ inFlight: 0, settled: { success: calls } })
    }
  })

  it('gets its own kind of error for an answer that is one, once the client has done what it can', async () => {
    await using server = await startServer(
      reply(404, '{"error":"no"}', { 'content-type': 'application/json' }),
    )
    await using users = clientOf(way, server)
    await expect(call(users)).rejects.toBeTypeOf('object')
    expect(server.requests).toHaveLength(1)
    expect(instanceOf(users, server.host).settled).toMatchObject({ success: 1, failure: 0 })
  })

  it('can be aborted, which is nobody’s failure', async () => {
    await using server = await startServer(echoRequest, hang)
    await using users = clientOf(way, server)
    await call(users)
    const controller = new AbortController()
    const calling = call(users, controller.signal)
    await server.seen(2)
    controller.abort()
    await expect(calling).rejects.toThrow(Error)
    expect(instanceOf(users, server.host).settled).toMatchObject({ failure: 0, ignored: 1 })
  })
})

describe('a request with a body', () => {
  it.each(ways)(
    'by $name goes to another instance after a 503, with fetch: $way',
    async ({ call, sends, way }) => {
      await using broken = await startServer(busy)
      await using healthy = await startServer(echoRequest)
      await using users = clientOf(way, broken, healthy)
      const seen = outcomes(users)
      expect(await call(users)).toMatchObject(sends)
      expect(seen).toEqual([`${broken.host} failure`, `${healthy.host} success`])
    },
  )
})

it('docs/doors.md lists these libraries, and says which of them POST', () => {
  const page = readFileSync(new URL('../../docs/doors.md', import.meta.url), 'utf8')
  const [, section = ''] = /^## SDKs and clients on top$([^]*?)^## /m.exec(page) ?? []
  const rows = [...section.matchAll(/^\| `(.+?)`.*\| (.+?) +\|$/gm)].map(([, name, body]) => [name, body])
  expect(rows).toEqual(
    libraries.map(({ name, sends }) => [name, sends.method === 'POST' ? 'yes \\*' : 'yes']),
  )
})

it('an OpenAI-style SDK streams through a client', async () => {
  await using server = await startServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const delta of ['Hel', 'lo']) {
      const event = { type: 'response.output_text.delta', delta }
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    response.end('data: [DONE]\n\n')
  })
  await using users = clientOf('fast', server)
  const models = new OpenAI({ apiKey: 'k', baseURL: `${origin}/v1`, fetch: users })
  const stream = await models.responses.create({ model: 'm', input: 'x', stream: true })
  let text = ''
  for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta
  expect(text).toBe('Hello')
  await until(() => instanceOf(users, server.host).inFlight === 0)
})
