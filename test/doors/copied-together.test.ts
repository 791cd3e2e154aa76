import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { startServer, type Answer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** What a caller sends, in objects that are used again for the next user. */
interface Reused {
  readonly init: {
    method?: string
    headers: Headers | Record<string, string> | [string, string][] | string[]
    body?: Uint8Array<ArrayBuffer> | URLSearchParams
  }
  reuse(user: string): void
}

const HEADERS: Record<string, (user: string) => Reused> = {
  'a Headers': (user) => {
    const headers = new Headers({ authorization: user })
    return { init: { headers }, reuse: (next) => headers.set('authorization', next) }
  },
  'an object': (user) => {
    const headers: Record<string, string> = { authorization: user }
    return { init: { headers }, reuse: (next) => void (headers['authorization'] = next) }
  },
  'an array of pairs': (user) => {
    const pair: [string, string] = ['authorization', user]
    return { init: { headers: [pair] }, reuse: (next) => void (pair[1] = next) }
  },
  'a flat array': (user) => {
    const headers = ['authorization', user]
    return { init: { headers }, reuse: (next) => void (headers[1] = next) }
  },
  'bytes and an object': (user) => {
    const headers: Record<string, string> = { authorization: user }
    const body = new TextEncoder().encode(user.padEnd(8))
    return {
      init: { method: 'PUT', headers, body },
      reuse: (next) => {
        headers['authorization'] = next
        body.set(new TextEncoder().encode(next.padEnd(8)))
      },
    }
  },
  'URLSearchParams and a Headers': (user) => {
    const headers = new Headers({ authorization: user })
    const body = new URLSearchParams({ user })
    return {
      init: { method: 'PUT', headers, body },
      reuse: (next) => {
        headers.set('authorization', next)
        body.set('user', next)
      },
    }
  },
}

/** Each option makes a call send requests later, or share them. */
const FEATURES: Record<string, Partial<ClientOptions>> = {
  mirror: { mirror: { share: 1, to: { version: 'next' } } },
  hedge: { hedge: { after: 1 }, budget: { ratio: 1, minPerSecond: 1000 } },
  coalesce: { coalesce: true },
  queue: { limit: { max: 1, queue: 100 } },
  stale: { stale: { maxAge: 60_000 } },
  'headers of the client': { headers: async () => (await sleep(1), { 'x-own': 'yes' }) },
  'a retry': { retry: { attempts: 3, backoff: 1 }, budget: { ratio: 1, minPerSecond: 1000 } },
}
// A function as headers cannot be used with responses that are shared.
FEATURES['all of them'] = Object.assign({}, ...Object.values(FEATURES), { headers: { 'x-own': 'yes' } })

const DOORS: Record<string, (client: Client, path: string, init: Reused['init']) => Promise<string>> = {
  fetch: async (client, path, init) => (await client(path, init as RequestInit)).text(),
  'an absolute URL': async (client, path, init) =>
    (await client(`http://svc${path}`, init as RequestInit)).text(),
  request: async (client, path, init) => (await client.request(path, init as never)).body.text(),
}

/** Shapes of headers that a door does not accept. */
const FOREIGN: Record<string, string[]> = {
  fetch: ['a flat array'],
  'an absolute URL': ['a flat array'],
  request: ['an array of pairs', 'URLSearchParams and a Headers'],
}

const USERS = ['alice', 'bob', 'carol', 'dave']

describe.each(Object.keys(FEATURES))('objects that are used again for the next user, with %s', (feature) => {
  test.each(Object.keys(DOORS))('do not reach another user through %s', async (door) => {
    const seen: { user: string; path: string; body: string }[] = []
    let count = 0
    const answer: Answer = async (request, response) => {
      const user = String(request.headers.authorization)
      seen.push({ user, path: request.url!, body: await text(request) })
      // Late enough for hedges. One response in five is a failure, which is retried.
      await sleep(3)
      response
        .writeHead(feature !== 'stale' && count++ % 5 === 4 ? 503 : 200, { 'cache-control': 'max-age=0' })
        .end(user)
    }
    await using one = await startServer(answer)
    await using two = await startServer(answer)
    await using next = await startServer(answer)
    await using client = createClient({
      service: 'svc',
      source: fixed([{ url: one.url }, { url: two.url }, { url: next.url, metadata: { version: 'next' } }]),
      breaker: false,
      retry: { attempts: 5, backoff: 1 },
      budget: { ratio: 5, minPerSecond: 1000 },
      ...FEATURES[feature],
    })
    const shapes = Object.entries(HEADERS).filter(([shape]) => !FOREIGN[door]?.includes(shape))
    for (const ready of [false, true]) {
      for (const [shape, make] of shapes) {
        const reused = make(USERS[0]!)
        const answers = USERS.map((user, i) => {
          reused.reuse(user)
          const path = `/${ready}/${encodeURIComponent(shape)}`
          const answered = DOORS[door]!(client, path, reused.init)
          reused.reuse(USERS[(i + 1) % USERS.length]!)
          return answered
        })
        expect(await Promise.all(answers), shape).toEqual(USERS)
      }
    }
    await until(() => client.snapshot().instances.every(({ inFlight }) => inFlight === 0))
    for (const { user, body } of seen) {
      if (body !== '') expect(body.replace('user=', '').trim()).toBe(user)
    }
    expect(seen.length).toBeGreaterThanOrEqual(2 * shapes.length * USERS.length)
    if (feature === 'mirror') expect(next.requests.length).toBeGreaterThan(0)
  })
})

test.each([
  ['an array of pairs', [['authorization', 'alice']]],
  ['a name without a value', ['authorization']],
  ['a string', 'authorization: alice'],
])('request() rejects headers that are %s, and does not quote them', async (_, headers) => {
  await using client = createClient({ service: 'svc', source: fixed(['http://127.0.0.1:9']) })
  const refusal = await client.request('/', { headers: headers as never }).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(TypeError)
  expect(String(refusal)).toContain(
    'headers must be an object, a Headers, or an array of names and values in turn',
  )
  expect(String(refusal)).not.toContain('alice')
})
