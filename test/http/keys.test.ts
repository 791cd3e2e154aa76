import { request as npmRequest } from 'undici'
import { describe, expect, it } from 'vitest'
import { consistentHash, createClient, fixed, sticky, roundRobin, type Client } from '../../src/index.ts'
import { ok, startServer } from '../support/http-server.ts'

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

describe.each(doors)('through %s', (_door, send) => {
  it.each([{ param: 'id' }, { header: 'X-User' }, { cookie: 'user' }])(
    'the key %o keeps a user where he is',
    async (key) => {
      await using stack = new AsyncDisposableStack()
      const servers = await Promise.all(
        Array.from({ length: 4 }, async () => stack.use(await startServer(ok))),
      )
      for (const balance of [
        consistentHash({ key, loadFactor: Infinity }),
        sticky({ key, over: roundRobin() }),
      ]) {
        const client = stack.use(
          createClient({
            service: 'svc',
            // Not their ports: where a key goes must not be chance.
            source: fixed(servers.map(({ url }, index) => ({ id: `i${index}`, url }))),
            balance,
            routes: { 'GET /users/{id}': {} },
          }),
        )
        const homes = new Map<string, number>()
        for (const user of ['ann', 'bob', 'cy', 'di', 'ed', 'ann', 'bob', 'cy', 'di', 'ed']) {
          const before = servers.map(({ requests }) => requests.length)
          await send(client, user)
          const home = servers.findIndex(({ requests }, index) => requests.length > (before[index] ?? 0))
          expect(home).toBe(homes.get(user) ?? home)
          homes.set(user, home)
        }
        expect(new Set(homes.values()).size).toBeGreaterThan(1)
      }
    },
  )
})
