import { afterEach, expect, it, vi } from 'vitest'
import { createClient, createFetch, fixed, type ClientOptions } from '../../src/index.ts'
import { reply, startServer } from '../support/http-server.ts'

const bad = (init: object): RequestInit => init

/** Requests that fetch refuses to send to any service. */
const MISTAKES: readonly (readonly [string, () => RequestInit])[] = [
  ['a GET with a body', () => ({ body: 'x' })],
  ['a HEAD with a body', () => ({ method: 'HEAD', body: 'x' })],
  ['an invalid method', () => ({ method: 'a b' })],
  ['a forbidden method', () => ({ method: 'CONNECT' })],
  ['a header value with a line break', () => ({ headers: { 'x-user': 'a\r\nb: c' } })],
  ['an invalid redirect mode', () => bad({ redirect: 'later' })],
  ['an invalid mode', () => bad({ mode: 'navigate' })],
  ['a cache mode that needs another mode', () => bad({ cache: 'only-if-cached' })],
  ['an invalid signal', () => bad({ signal: 3 })],
  ['a stream without duplex', () => bad({ method: 'POST', body: new Blob(['x']).stream() })],
]

const WAYS: readonly Partial<ClientOptions>[] = [
  { stale: { maxAge: 60_000 } },
  { stale: { maxAge: 60_000 }, fetch: 'platform' },
  { stale: { maxAge: 60_000 }, coalesce: true },
  { fallback: () => new Response('the fallback') },
]

const messageOf = async (call: () => Promise<Response>): Promise<unknown> => {
  try {
    return `answered: ${await (await call()).text()}`
  } catch (error) {
    return (error as Error).message
  }
}

it.each(WAYS)('an invalid request is rejected as by fetch, and no fallback answers it: %o', async (more) => {
  await using server = await startServer(reply(200, 'good'))
  await using users = createClient({ service: 'users', source: fixed([server.url]), ...more })
  expect(await (await users('/me')).text()).toBe('good')
  const seen = server.requests.length
  await using app = createFetch({ services: { users } })
  for (const [mistake, init] of MISTAKES) {
    const theirs = await messageOf(() => fetch(`${server.url}/me`, init()))
    for (const call of [users, (path: string, own: RequestInit) => app(`http://users${path}`, own)])
      expect([mistake, await messageOf(() => call('/me', init()))]).toEqual([mistake, theirs])
  }
  const odd = await messageOf(() => users(new Request('http://users/me'), { body: 'x' }))
  expect(odd).toBe('Request with GET/HEAD method cannot have body.')
  expect(server.requests.length).toBe(seen)
  expect(users.snapshot().instances[0]?.breaker).toBe('closed')
})

it('the fallback answers when a mock of fetch throws a TypeError', async () => {
  const boom = new TypeError('boom')
  vi.stubGlobal('fetch', () => Promise.reject(boom))
  const fallback = (failure: unknown): Response => new Response(failure === boom ? 'the fallback' : 'odd')
  await using users = createClient({ service: 'users', source: fixed(['http://a.invalid']), fallback })
  expect(await messageOf(() => users('/me'))).toBe('answered: the fallback')
})

afterEach(() => void vi.unstubAllGlobals())
