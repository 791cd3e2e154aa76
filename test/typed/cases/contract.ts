import { type } from 'arktype'
import {
  createClient,
  fixed,
  type Client,
  type ClientOptions,
  type RouteRule,
  type TypedResponse,
} from 'outrigger'
import * as v from 'valibot'
import * as z from 'zod'
import { expectExactly } from './equal.ts'

const base = { service: 'user-service', source: fixed(['http://127.0.0.1:80']) }
const User = z.object({ id: z.number(), joined: z.string().transform((text) => new Date(text)) })
const Problem = v.object({ title: v.string() })

const users = createClient({
  ...base,
  validate: 'warn',
  routes: {
    'GET /users/{id}': {
      timeout: { attempt: 300 },
      classify: ({ status }) => (status === 500 ? 'failure' : undefined),
      responses: { 200: User, 404: Problem, default: type({ oops: 'string' }) },
    },
    'POST /users': {
      body: User,
      query: z.object({ dry: z.boolean().optional() }),
      responses: { 201: User, 204: null },
    },
    'GET /search': { query: type({ q: 'string', 'page?': 'number' }), responses: { '2XX': z.array(User) } },
    'GET /orgs/{org}/users/{id}': {
      params: z.object({ org: z.string(), id: z.number() }),
      responses: { 200: User },
    },
    'GET /files/{box}/**': { retry: false },
    '/reports/**': { breaker: false },
  },
})

export async function narrowing(): Promise<void> {
  const found = await users('GET /users/{id}', { params: { id: '42' } })
  if (found.ok) expectExactly<{ id: number; joined: Date }>()(await found.json())
  else if (found.status === 404) expectExactly<{ title: string }>()(await found.json())
  else expectExactly<{ oops: string }>()(await found.json())

  const created = await users('POST /users', { json: { id: 1, joined: '2026-01-01' } })
  expectExactly<201 | 204>()(created.status)
  if (created.status === 204) expectExactly<never>()(await created.json())
  expectExactly<{ id: number; joined: Date }>()(await created.json())

  const list = await users('GET /search', { query: { q: 'ann' } })
  if (list.status === 206) expectExactly<{ id: number; joined: Date }[]>()(await list.json())
}

export async function withoutSchemas(): Promise<void> {
  const file = await users('GET /files/{box}/**', {
    params: { box: 1, '**': 'a/b.txt' },
    query: { raw: true },
  })
  expectExactly<TypedResponse>()(file)
  expectExactly<unknown>()(await file.json())
  expectExactly<TypedResponse>()(await users('/reports/2026'))
}

export async function refusals(): Promise<void> {
  // @ts-expect-error: no such route
  await users('GET /usrs/{id}', { params: { id: 1 } })
  // @ts-expect-error: no such route
  await users('DELETE /users/{id}', { params: { id: 1 } })
  // @ts-expect-error: params are required
  await users('GET /users/{id}')
  // @ts-expect-error: the name is in the key
  await users('GET /users/{id}', { params: { name: 1 } })
  // @ts-expect-error: the rest is required
  await users('GET /files/{box}/**', { params: { box: 1 } })
  // @ts-expect-error: a number
  await users('GET /orgs/{org}/users/{id}', { params: { org: 'a', id: '1' } })
  // @ts-expect-error: the schema's input, not its output
  await users('POST /users', { json: { id: 1, joined: new Date() } })
  // @ts-expect-error: a body is required
  await users('POST /users', { query: { dry: true } })
  // @ts-expect-error: q is required
  await users('GET /search')
  // @ts-expect-error: a string
  await users('GET /search', { query: { q: 1 } })
}

export async function stillFetch(options: ClientOptions, rule: RouteRule): Promise<void> {
  const client: Client = users
  const fetchLike: typeof fetch = users
  await fetchLike((await client('/users')).url)
  // Policy alone says nothing about what else there is.
  const plain = createClient({ ...base, routes: { 'GET /users/{id}': { retry: false } } })
  expectExactly<Client>()(plain)
  expectExactly<TypedResponse>()(await plain('GET /any/{id}', { params: { id: 1 } }))
  expectExactly<unknown>()(await (await plain('/users')).json())
  expectExactly<Client>()(createClient(options))
  expectExactly<Client>()(createClient({ ...base, routes: { 'GET /users': rule } }))
  expectExactly<Client>()({} as ReturnType<typeof createClient>)
}

// @ts-expect-error: an unknown rule
createClient({ ...base, routes: { 'GET /users': { timeot: 5 } } })
// @ts-expect-error: an unknown rule beside a contract
createClient({ ...base, routes: { 'GET /users': { responses: { 200: User }, timeot: 5 } } })
// @ts-expect-error: an unknown timeout
createClient({ ...base, routes: { 'GET /users': { responses: { 200: User }, timeout: { attemp: 5 } } } })
// @ts-expect-error: not a schema
createClient({ ...base, routes: { 'GET /users': { responses: { 200: { id: 'number' } } } } })
// @ts-expect-error: not a status
createClient({ ...base, routes: { 'GET /users': { responses: { ok: User } } } })
// @ts-expect-error: not a mode
createClient({ ...base, routes: { 'GET /users': { responses: { 200: User }, validate: 'strict' } } })
