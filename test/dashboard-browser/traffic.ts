import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createClient, MemoryRegistry, roundRobin, type Client } from '../../src/index.ts'

type Mood = 'well' | 'slow' | 'failing' | 'dead'

/** Five servers, a client of theirs and its calls: one server is killed, one is slow, one fails. */
export interface Traffic extends AsyncDisposable {
  readonly client: Client
  readonly registry: MemoryRegistry
  become(id: string, mood: Mood): void
}

export async function startTraffic(): Promise<Traffic> {
  const registry = new MemoryRegistry({ ttl: 3_600_000 })
  const moods = new Map<string, Mood>()
  const closing = new AsyncDisposableStack()
  for (const id of ['s1', 's2', 's3', 's4', 's5']) {
    const server = createServer((_, response) => {
      const mood = moods.get(id)
      if (mood === 'dead') response.destroy()
      else if (mood === 'failing') response.writeHead(500).end()
      else setTimeout(() => response.end('ok'), mood === 'slow' ? 150 : 2)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    registry.register('user-service', {
      id,
      url: `http://127.0.0.1:${port}`,
      zone: 'eu-1a',
      metadata: { version: 'v3' },
    })
    closing.defer(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  const client = createClient({
    service: 'user-service',
    source: registry,
    balance: roundRobin(),
    breaker: { failureThreshold: 3, openFor: 60_000 },
    limit: 200,
    mirror: { to: { version: 'v3' }, share: 0.05 },
    routes: { 'GET /users/{id}': {}, 'GET /reports/**': { limit: 20 } },
  })
  closing.defer(() => client.close())
  await client.ready()
  let id = 0
  const send = (path: string): void => {
    client(path).then(
      (response) => response.text(),
      () => {},
    )
  }
  const calling = setInterval(() => {
    send(`/users/${++id}`)
    if (id % 5 === 0) send('/reports/1')
  }, 10)
  closing.defer(() => clearInterval(calling))
  return {
    client,
    registry,
    become: (id, mood) => moods.set(id, mood),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  }
}
