/**
 * A service that calls another service, and exports metrics for Prometheus. With Node 24.2 or later, in this
 * repository:
 *
 *     node --conditions=@outrigger/source examples/prometheus/app.ts
 *     prometheus --config.file=examples/prometheus/prometheus.yml
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient, fixed, type Client } from 'outrigger'
import { prometheus } from 'outrigger/prometheus'
import { Registry } from 'prom-client'

export interface App extends AsyncDisposable {
  readonly url: string
  readonly users: Client
}

/** Passes `GET /users/…` on to the user-service, and answers `GET /metrics`. */
export async function startApp(instances: readonly string[], port = 0): Promise<App> {
  const users = createClient({
    service: 'user-service',
    source: fixed(instances),
    limit: { max: 8, queue: 3 },
    retry: { attempts: 2, backoff: 1 },
    routes: { 'GET /users/{id}': { hedge: { after: 200 } } },
  })
  const register = new Registry()
  const stop = prometheus(users, { register })
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === '/metrics') {
        response.setHeader('content-type', register.contentType).end(await register.metrics())
        return
      }
      const { status, body } = await passOn(users, request.url ?? '/')
      response.writeHead(status).end(body)
    }
    answer().catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  const url = await listen(server, port)
  return {
    url,
    users,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      stop()
      await users.close()
    },
  }
}

async function passOn(users: Client, path: string): Promise<{ status: number; body: string }> {
  try {
    const response = await users(path)
    return { status: response.status, body: await response.text() }
  } catch (error) {
    return { status: 502, body: String(error) }
  }
}

export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

if (import.meta.main) {
  const instance = (isWell: () => boolean): Server =>
    createServer((_request, response) => response.writeHead(isWell() ? 200 : 503).end('{}'))
  const instances = await Promise.all([
    listen(instance(() => true)),
    listen(instance(() => Math.floor(Date.now() / 60_000) % 2 === 0)),
  ])
  const app = await startApp(instances, 9464)
  console.log(`${app.url}/metrics; the second instance fails every other minute`)
  setInterval(() => void fetch(`${app.url}/users/42`).then((response) => response.text()), 100)
}
