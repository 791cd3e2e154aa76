import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf, serve, type FakeServer } from './fake-http.ts'

export interface EurekaInstance {
  instanceId: string
  app: string
  hostName: string
  ipAddr: string
  status: string
  port: { $: number; '@enabled': string }
  securePort: { $: number; '@enabled': string }
  leaseInfo: { renewalIntervalInSecs: number; durationInSecs: number }
  lastDirtyTimestamp: string
  metadata: Record<string, string>
  /** Unix milliseconds; eviction looks at it and at the duration. */
  lastUpdate?: number
}

export interface FakeEureka {
  readonly server: FakeServer
  /** By application in capitals, then by instance id. */
  readonly apps: Map<string, Map<string, EurekaInstance>>
  /** `Basic …` of each request. */
  readonly authorizations: (string | undefined)[]
  /** Drops what has not been renewed; a real server does so once a minute. */
  evict(): void
}

/** The part of a Eureka server that clients of single applications meet, from the source of eureka-core. */
export async function startFakeEureka(port = 0, apps: FakeEureka['apps'] = new Map()): Promise<FakeEureka> {
  const authorizations: FakeEureka['authorizations'] = []
  const server = await serve((request, response) => {
    authorizations.push(request.headers.authorization)
    void answer(apps, request, response)
  }, port)
  return { server, apps, authorizations, evict: () => apps.forEach(evict) }
}

function evict(app: Map<string, EurekaInstance>): void {
  for (const [id, { lastUpdate = Infinity, leaseInfo }] of app) {
    if (Date.now() > lastUpdate + leaseInfo.durationInSecs * 1000) app.delete(id)
  }
}

async function answer(
  apps: FakeEureka['apps'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
  const [, base, collection, name = '', id, status] = pathname.split('/').map(decodeURIComponent)
  const end = (code: number, body = ''): void => void response.writeHead(code).end(body)
  if (base !== 'eureka' || collection !== 'apps') return end(404)
  const app = apps.get(name.toUpperCase())
  const instance = id === undefined ? undefined : app?.get(id)
  switch (request.method) {
    case 'GET': {
      // Many servers do not let it be read.
      if (name === 'delta') return end(403)
      if (!app?.size) return end(404)
      response.setHeader('content-type', 'application/json')
      return end(
        200,
        JSON.stringify({ application: { name: name.toUpperCase(), instance: [...app.values()] } }),
      )
    }
    case 'POST': {
      const { instance: added } = JSON.parse(await bodyOf(request)) as { instance: EurekaInstance }
      if (!added.instanceId) return end(400, 'Missing instanceId')
      if (!added.hostName) return end(400, 'Missing hostname')
      if (added.app !== name) return end(400, `Mismatched appName, expecting ${name} but was ${added.app}`)
      added.lastUpdate = Date.now()
      apps.set(name, (app ?? new Map<string, EurekaInstance>()).set(added.instanceId, added))
      return end(204)
    }
    case 'PUT': {
      if (!instance) return end(404)
      if (status === 'status') instance.status = searchParams.get('value') ?? 'UNKNOWN'
      // A client with news the server has not seen must register again.
      else if (Number(searchParams.get('lastDirtyTimestamp')) > Number(instance.lastDirtyTimestamp))
        return end(404)
      // Eureka adds the duration here and once more when it evicts: a renewed lease lives twice as long.
      else instance.lastUpdate = Date.now() + instance.leaseInfo.durationInSecs * 1000
      return end(200)
    }
    case 'DELETE':
      return end(id !== undefined && app?.delete(id) ? 200 : 404)
    default:
      return end(405)
  }
}
