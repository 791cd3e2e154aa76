import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createClient, MemoryRegistry, type Client, type ClientOptions } from '../../src/index.ts'
import { hang, reply, reset, startServer, type Answer, type TestServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

// A call that is limited to a subset stays in it: with its hedges, its retries, and the resends below its door.

const service = 'user-service'
let registry: MemoryRegistry
let servers: Map<string, TestServer>

beforeEach(async () => {
  registry = new MemoryRegistry({ ttl: 60_000 })
  servers = new Map()
  for (const id of ['new-1', 'new-2', 'old-1', 'old-2', 'old-3', 'old-4']) {
    const server = await startServer(reply(200, id))
    servers.set(id, server)
    registry.register(service, {
      id,
      url: server.url,
      metadata: { version: id.startsWith('new') ? 'v2' : 'v1' },
    })
  }
})
afterEach(async () => {
  for (const server of servers.values()) await server.close()
})

const wanted = { headers: { 'x-canary': '1' } }

async function connect(options: Partial<ClientOptions>): Promise<Client> {
  const client = createClient({
    service,
    source: registry,
    breaker: false,
    budget: { ratio: 1, minPerSecond: 10_000 },
    traffic: [{ when: { header: { 'x-canary': true } }, to: { version: 'v2' } }],
    ...options,
  })
  await client.ready()
  return client
}

function behave(version: 'new' | 'old', answer: Answer): void {
  for (const [id, server] of servers) if (id.startsWith(version)) server.behave(answer)
}

function requestsTo(version: 'new' | 'old'): number {
  const those = [...servers].filter(([id]) => id.startsWith(version))
  return those.reduce((sum, [, server]) => sum + server.requests.length, 0)
}

it('with its hedges: a slow try is hedged on the other instance of the subset, and on no further one', async () => {
  const hedged: string[] = []
  await using client = await connect({ hedge: { after: 5, max: 4 } })
  client.on('call:hedge', ({ instance }) => hedged.push(instance.id))
  behave('new', hang)
  const leave = new AbortController()
  const call = client('/', { ...wanted, signal: leave.signal })
  call.catch(() => {})
  await until(() => requestsTo('new') >= 2)
  await sleep(30)
  leave.abort()
  await expect(call).rejects.toThrow('abort')
  expect(requestsTo('new')).toBe(2)
  expect(requestsTo('old')).toBe(0)
  expect(hedged).toHaveLength(1)
})

it('also while other calls are hedged, which stay in their subset', async () => {
  await using client = await connect({
    hedge: { after: 5, max: 1 },
    traffic: [{ when: { header: { 'x-canary': true } }, to: { version: 'v2' } }, { to: { version: 'v1' } }],
  })
  behave('new', hang)
  behave('old', (_request, response) => setTimeout(() => response.end('old'), 30))
  const leave = new AbortController()
  const canary = client('/canary', { ...wanted, signal: leave.signal })
  canary.catch(() => {})
  let hedges = 0
  client.on('call:hedge', () => hedges++)
  const others = await Promise.all(Array.from({ length: 20 }, async () => (await client('/other')).text()))
  await until(() => requestsTo('new') >= 2)
  leave.abort()
  await expect(canary).rejects.toThrow('abort')
  expect(others).toEqual(others.map(() => 'old'))
  expect(hedges).toBeGreaterThan(1)
  expect(requestsTo('new')).toBe(2)
  for (const [id, server] of servers) {
    expect(new Set(server.requests)).toEqual(new Set(id.startsWith('new') ? ['GET /canary'] : ['GET /other']))
  }
})

it.each<[string, Answer]>([
  ['a 503', reply(503)],
  ['a reset', reset],
])('with its retries after %s, on every door', async (_name, answer) => {
  await using client = await connect({ retry: { attempts: 4, backoff: { initial: 1, max: 2 } } })
  const retried: string[] = []
  client.on('call:retry', ({ instance }) => retried.push(instance.id))
  behave('new', answer)
  await client('/', wanted).catch(() => {})
  expect(retried.length).toBeGreaterThan(0)
  await client
    .request('/', wanted)
    .then(({ body }) => body.dump())
    .catch(() => {})
  expect(requestsTo('new')).toBeGreaterThan(2)
  expect(requestsTo('old')).toBe(0)
})

it('with resends below its door after nothing was sent', async () => {
  for (const id of ['new-1', 'new-2']) await servers.get(id)?.close()
  await using client = await connect({ retry: { attempts: 4, backoff: { initial: 1, max: 2 } } })
  await expect(client('/', { ...wanted, method: 'POST', body: 'x' })).rejects.toThrow('fetch failed')
  expect(requestsTo('old')).toBe(0)
})

it('with no further try after close() between two tries', async () => {
  const client = await connect({ retry: { attempts: 10, backoff: { initial: 50, max: 50 } } })
  behave('new', reply(503))
  const call = client('/', wanted).catch((error: unknown) => error)
  await until(() => requestsTo('new') > 0)
  await client.close()
  await call
  await sleep(5)
  expect(requestsTo('old')).toBe(0)
})
