import { request as npmRequest } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  consistentHash,
  createClient,
  fixed,
  sticky,
  roundRobin,
  type Balancer,
  type Client,
  type KeyOption,
} from '../../src/index.ts'
import { ok, startServer, type Answer, type TestServer } from '../support/http-server.ts'

type Send = (client: Client, user: string) => Promise<unknown>

const headers = (user: string): Record<string, string> => ({ 'x-user': user, cookie: `a=1; user=${user}` })

/** Each door, with the user in a header, in a cookie and in the path. */
const doors: [string, Send][] = [
  ['a route key', (client, id) => client('GET /users/{id}', { params: { id }, headers: headers(id) })],
  ['a path', (client, id) => client(`/users/${id}?x=1`, { headers: headers(id) })],
  ['a Request', (client, id) => client(new Request(`http://svc/users/${id}`, { headers: headers(id) }))],
  [
    'request()',
    async (client, id) => (await client.request(`/users/${id}`, { headers: headers(id) })).body.dump(),
  ],
  [
    'the dispatcher',
    async (client, id) => {
      const { dispatcher } = client
      return (await npmRequest(`http://svc/users/${id}`, { dispatcher, headers: headers(id) })).body.dump()
    },
  ],
]

let servers: TestServer[]
beforeAll(async () => {
  servers = await Promise.all(Array.from({ length: 4 }, () => startServer(ok)))
})
afterAll(() => Promise.all(servers.map((server) => server.close())))

/** Returns the server that a user's call goes to. */
async function homeOf(user: string, client: Client, send: Send): Promise<number> {
  const before = servers.map(({ requests }) => requests.length)
  await send(client, user)
  return servers.findIndex(({ requests }, index) => requests.length > (before[index] ?? 0))
}

it('after a redirect, path parameters are those of the caller’s path', async () => {
  const moving: Answer = (request, response) => {
    if (request.url?.startsWith('/users/')) response.writeHead(301, { location: `/api${request.url}` })
    response.end()
  }
  await using first = await startServer(moving)
  await using second = await startServer(moving)
  await using client = createClient({
    service: 'svc',
    source: fixed([
      { id: 'a', url: first.url },
      { id: 'b', url: second.url },
    ]),
    balance: consistentHash({ key: { param: 'id' } }),
    routes: { 'GET /users/{id}': {} },
  })
  for (let id = 0; id < 10; id++) await (await client('GET /users/{id}', { params: { id } })).text()
  for (const { requests } of [first, second]) {
    expect(requests.filter((request) => request.startsWith('GET /api/')).length).toBeGreaterThan(0)
  }
})

const strategies: [string, (key: KeyOption) => Balancer][] = [
  ['consistentHash', (key) => consistentHash({ key, loadFactor: Infinity })],
  ['sticky', (key) => sticky({ key, over: roundRobin() })],
]

describe.each(doors)('through %s', (_door, send) => {
  describe.each(strategies)('%s', (_name, strategy) => {
    it.each<[KeyOption]>([[{ param: 'id' }], [{ header: 'X-User' }], [{ cookie: 'user' }]])(
      'keeps calls with the same %o on one instance',
      async (key) => {
        await using client = createClient({
          service: 'svc',
          // Fixed ids and not ports: which server a key selects must not be random.
          source: fixed(servers.map(({ url }, index) => ({ id: `i${index}`, url }))),
          balance: strategy(key),
          routes: { 'GET /users/{id}': {} },
        })
        const homes = new Map<string, number>()
        for (const user of ['ann', 'bob', 'cy', 'di', 'ed', 'ann', 'bob', 'cy', 'di', 'ed']) {
          const home = await homeOf(user, client, send)
          expect(home).toBe(homes.get(user) ?? home)
          homes.set(user, home)
        }
        expect(new Set(homes.values()).size).toBeGreaterThan(1)
      },
    )
  })
})
