import { AsyncLocalStorage } from 'node:async_hooks'
import { request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient, fixed, type Client, type ClientOptions } from '../../src/index.ts'
import { EVENT_NAMES } from '../../src/observe/event-names.ts'
import { inOrder } from '../support/balance.ts'
import { reply, startServer, type TestServer } from '../support/http-server.ts'

const user = new AsyncLocalStorage<string>()

type Door = (client: Client, path: string) => Promise<unknown>

const DOORS: Record<string, Door> = {
  fetch: async (client, path) => (await client(path)).text(),
  request: async (client, path) => (await client.request(path)).body.text(),
  execute: (client, path) =>
    client.execute(async (instance) => {
      const response = await fetch(instance.url + path)
      await response.text()
      return response
    }),
  dispatcher: async (client, path) => {
    const { body } = await request(`http://svc${path}`, { dispatcher: client.dispatcher })
    return body.text()
  },
}

/** A server that fails requests for /fail. */
function answering(): Promise<TestServer> {
  return startServer((request, response) => {
    response.statusCode = request.url?.startsWith('/fail') ? 503 : 200
    response.end('body')
  })
}

let servers: TestServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
  servers = []
})

async function clientOf(count: number, options: Partial<ClientOptions> = {}): Promise<Client> {
  for (let n = 0; n < count; n++) servers.push(await answering())
  return createClient({
    service: 'svc',
    source: fixed(servers.map(({ url }) => url)),
    balance: inOrder,
    ...options,
  })
}

describe.each(Object.keys(DOORS))('through %s', (name) => {
  const door = DOORS[name]!

  it('every listener and user function runs in the context of its own call', async () => {
    const seen = new Set<string>()
    const note = (what: string, mine?: string): void => {
      seen.add(`${what}: ${user.getStore() === (mine ?? user.getStore()) ? user.getStore() : 'another'}`)
    }
    const asked: string[] = []
    await using client = await clientOf(2, {
      breaker: { failureThreshold: 3, openFor: 60_000 },
      retry: { attempts: 2, backoff: 1, when: () => void asked.push(`when ${user.getStore()}`) },
      classify: ({ status }) => {
        asked.push(`classify ${status} ${user.getStore()}`)
        return undefined
      },
      balance: {
        pick: (endpoints, request) => {
          asked.push(`pick ${user.getStore()}`)
          return inOrder(endpoints, request)
        },
        settled: () => void asked.push(`settled ${user.getStore()}`),
      },
    })
    await client.ready()
    for (const event of EVENT_NAMES) client.on(event, () => note(event))
    const users = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
    for (const [index, each] of users.entries()) {
      asked.length = 0
      seen.clear()
      const path = index % 2 === 0 ? '/fail' : '/ok'
      await user.run(each, () => door(client, path).catch(() => {}))
      expect(seen.size).toBeGreaterThan(1)
      expect([...seen].filter((line) => !line.endsWith(`: ${each}`))).toEqual([])
      expect(asked.length).toBeGreaterThan(1)
      expect(asked.filter((line) => !line.endsWith(` ${each}`))).toEqual([])
    }
  })

  it('concurrent calls on one connection do not see each other’s context', async () => {
    await using client = await clientOf(1, { transport: { connections: 1 }, breaker: false })
    await client.ready()
    const heard = new Map<string, Set<unknown>>()
    for (const event of ['attempt', 'call', 'call:end'] as const) {
      client.on(event, ({ id }) => {
        const mine = user.getStore() ?? 'nobody'
        heard.set(mine, (heard.get(mine) ?? new Set()).add(id))
      })
    }
    const users = Array.from({ length: 12 }, (_, index) => `user ${index}`)
    await Promise.all(users.map((each) => user.run(each, () => door(client, '/ok'))))
    expect([...heard.keys()].toSorted()).toEqual(users.toSorted())
    expect([...heard.values()].map((ids) => ids.size)).toEqual(users.map(() => 1))
  })
})

it('all attempts of a hedged call, also the slower ones, run in the call’s context', async () => {
  await using slow = await startServer(() => {})
  await using fast = await startServer(reply(200, 'fast'))
  await using client = createClient({
    service: 'svc',
    source: fixed([slow.url, fast.url]),
    balance: inOrder,
    hedge: { after: 5 },
  })
  await client.ready()
  const seen: string[] = []
  for (const event of ['attempt', 'call', 'call:hedge'] as const) {
    client.on(event, () => seen.push(`${event} ${user.getStore()}`))
  }
  for (const each of ['alice', 'bob']) {
    await user.run(each, async () => (await client('/')).text())
    expect(seen.splice(0).toSorted()).toEqual([
      `attempt ${each}`,
      `attempt ${each}`,
      `call ${each}`,
      `call:hedge ${each}`,
    ])
  }
})

it('a call that is ended by another’s abort, a timer or a free place is reported in its own context', async () => {
  await using silent = await startServer(() => {})
  await using client = createClient({
    service: 'svc',
    source: fixed([silent.url]),
    timeout: 40,
    limit: { max: 2, queue: 1 },
  })
  await client.ready()
  const seen: string[] = []
  client.on('call', ({ outcome }) => seen.push(`${outcome} ${user.getStore()}`))
  const controller = new AbortController()
  const calls = [
    user.run('alice', () => client('/', { signal: controller.signal })),
    user.run('bob', () => client('/')),
    user.run('carol', () => client('/', { priority: 'sheddable' })),
    user.run('dave', () => client('/', { priority: 'critical' })),
  ]
  user.run('mallory', () => controller.abort())
  await Promise.allSettled(calls)
  expect(seen.toSorted()).toEqual(['aborted alice', 'refused carol', 'timeout bob', 'timeout dave'])
})

it('events of the source run outside the context of the code that made the client', async () => {
  let stop: (() => void) | undefined
  const source = {
    async *watch() {
      yield [{ id: 'a', url: 'http://127.0.0.1:1' }]
      await new Promise<void>((resolve) => (stop = resolve))
      throw new Error('gone')
    },
  }
  const client = user.run('alice', () => createClient({ service: 'svc', source }))
  const seen: unknown[] = []
  client.on('instance:added', () => seen.push(user.getStore()))
  const stale = new Promise<void>((resolve) => {
    client.on('source:stale', () => {
      seen.push(user.getStore())
      resolve()
    })
  })
  await client.ready()
  stop?.()
  await stale
  expect(seen).toEqual([undefined, undefined])
  await client.close()
})
