import { createClient, createFetch, fixed, type Client, type OpenAPI, type TypedResponse } from 'outrigger'
import { expectExactly } from './equal.ts'
import type { components, paths } from './users.ts'

type Schemas = components['schemas']
type User = Schemas['User']
type Problem = Schemas['Problem']

const options = { service: 'user-service', source: fixed(['http://127.0.0.1:80']) }
const users = createClient<OpenAPI<paths>>({ ...options, routes: { 'GET /users': { timeout: 300 } } })

export async function narrowing(): Promise<void> {
  const found = await users('GET /users/{id}', { params: { id: 42 } })
  expectExactly<200 | 404>()(found.status)
  expectExactly<User | Problem>()(await found.json())
  if (found.ok) {
    expectExactly<TypedResponse<User, 200, true>>()(found)
    expectExactly<User>()(await found.clone().json())
  } else {
    expectExactly<404>()(found.status)
    expectExactly<Problem>()(await found.json())
  }
  if (found.status === 404) expectExactly<Problem>()(await found.json())
  // @ts-expect-error: not a status of this route
  if (found.status === 418) return
  expectExactly<string | null>()(found.headers.get('etag'))
}

export async function ranges(): Promise<void> {
  const created = await users('POST /users', { json: { email: 'ann@example.com' } })
  if (created.ok) expectExactly<User>()(await created.json())
  else expectExactly<Schemas['Conflict'] | Problem>()(await created.json())
  if (created.status === 409) expectExactly<Schemas['Conflict']>()(await created.json())
  if (created.status === 422) expectExactly<Problem>()(await created.json())

  const patched = await users('PATCH /users/{id}', { params: { id: 1 } })
  if (patched.status === 202) expectExactly<User>()(await patched.json())
  if (patched.status === 503) expectExactly<Problem>()(await patched.json())
  // @ts-expect-error: neither 2XX nor 5XX
  if (patched.status === 404) return
}

export async function defaults(): Promise<void> {
  const list = await users('GET /users', { query: { page: 2, tag: ['a', 'b'] } })
  if (list.ok) {
    expectExactly<200>()(list.status)
    expectExactly<User[]>()(await list.json())
  } else {
    expectExactly<Problem>()(await list.json())
  }
  if (list.status === 500) expectExactly<Problem>()(await list.json())

  const imported = await users('POST /import', { json: [{ email: 'ann@example.com' }] })
  if (imported.ok) expectExactly<{ imported: number }>()(await imported.json())
  if (!imported.ok) expectExactly<{ imported: number }>()(await imported.json())
}

export async function mediaTypes(): Promise<void> {
  const found = await users('GET /search', { query: { q: 'ann' } })
  if (found.ok) expectExactly<User[]>()(await found.json())
  else expectExactly<unknown>()(await found.json())

  const gone = await users('DELETE /users/{id}', { params: { id: 1 }, headers: { 'X-Reason': 'asked to' } })
  if (gone.ok) expectExactly<never>()(await gone.json())
  else expectExactly<Problem>()(await gone.json())

  await users('PUT /users/{id}/avatar', { params: { id: 1 }, body: new Uint8Array(8) })
  await users('PUT /users/{id}/avatar', { params: { id: 1 }, body: () => new Blob([]).stream() })
  await users('POST /import', { body: 'a,b', headers: { 'content-type': 'text/csv' } })
}

export async function optionalParts(): Promise<void> {
  const { signal } = new AbortController()
  await users('GET /users')
  await users('GET /users', { signal, headers: { accept: 'application/json' }, priority: 'critical' })
  await users('GET /search', { query: { q: 'a' }, headers: { 'X-Trace': '1' } })
  await users('GET /search', { query: { q: 'a' }, headers: new Headers() })
  await users('PATCH /users/{id}', { params: { id: 1 }, json: { email: 'ann@example.com' } })
  await users('DELETE /users/{id}', { params: { id: 1 }, headers: { 'X-Reason': 'x', authorization: 'y' } })
}

export async function refusals(): Promise<void> {
  // @ts-expect-error: the schema has no path /usrs/{id}
  await users('GET /usrs/{id}', { params: { id: 42 } })
  // @ts-expect-error: "GET /users" | "POST /users"
  await users('PUT /users')
  // @ts-expect-error: methods are in upper case
  await users('get /users')
  // @ts-expect-error: not finished; here an editor offers the keys
  await users('')
  // @ts-expect-error: not finished
  await users('GET ')
  // @ts-expect-error: not finished
  await users('GET /')
  // @ts-expect-error: not a method
  await users('FETCH /users')
  // @ts-expect-error: params are required
  await users('GET /users/{id}')
  // @ts-expect-error: params are required
  await users('GET /users/{id}', {})
  // @ts-expect-error: not this parameter
  await users('GET /users/{id}', { params: { name: 'ann' } })
  // @ts-expect-error: a number
  await users('GET /users/{id}', { params: { id: 'ann' } })
  // @ts-expect-error: no params here
  await users('GET /users', { params: { id: 1 } })
  // @ts-expect-error: q is required
  await users('GET /search')
  // @ts-expect-error: a number
  await users('GET /users', { query: { page: 'two' } })
  // @ts-expect-error: not a parameter
  await users('GET /users', { query: { pages: 2 } })
  // @ts-expect-error: takes no query
  await users('GET /users/{id}', { params: { id: 1 }, query: { full: true } })
  // @ts-expect-error: X-Reason is required
  await users('DELETE /users/{id}', { params: { id: 1 } })
  // @ts-expect-error: X-Reason is required
  await users('DELETE /users/{id}', { params: { id: 1 }, headers: { authorization: 'y' } })
  // @ts-expect-error: a body is required
  await users('POST /users')
  // @ts-expect-error: email is required
  await users('POST /users', { json: { name: 'Ann' } })
  // @ts-expect-error: no such field
  await users('POST /users', { json: { email: 'a', nmae: 'b' } })
  // @ts-expect-error: JSON goes in json
  await users('POST /users', { body: '{}' })
  // @ts-expect-error: an image is no JSON
  await users('PUT /users/{id}/avatar', { params: { id: 1 }, json: {} })
  // @ts-expect-error: one of the two
  await users('POST /import', {})
  // @ts-expect-error: one of the two
  await users('POST /import', { json: [], body: '' })
  // @ts-expect-error: takes no body
  await users('GET /users', { json: {} })
  // @ts-expect-error: the key says the method
  await users('GET /users', { method: 'POST' })
  // @ts-expect-error: no such option
  await users('GET /users', { timeot: 5 })
}

export async function stillFetch(path: string): Promise<void> {
  expectExactly<TypedResponse>()(await users('/users/42'))
  expectExactly<unknown>()(await (await users('/users/42', { method: 'DELETE' })).json())
  await users(path, { query: { any: 'thing' } })
  await users(`/users/${path}`)
  await users(new URL('http://user-service/users/42'))
  await users(new Request('http://user-service/users/42'), { redirect: 'manual' })
  const fetchLike: typeof fetch = users
  const client: Client = users
  const response: Response = await users('GET /users')
  await fetchLike(response.url)
  createFetch({ services: { 'user-service': users, other: client } })
}

/** Both keys must be right, and either answer may come. */
export async function eitherKey(key: 'GET /users' | 'GET /search'): Promise<void> {
  const response = await users(key, { query: { q: 'a' } })
  if (response.ok) expectExactly<User[]>()(await response.json())
}

// @ts-expect-error: wrap it: OpenAPI<paths>
createClient<paths>(options)
