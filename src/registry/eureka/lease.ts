import { unixTime } from '../../clock.ts'
import type { Endpoints } from '../http/endpoints.ts'
import { withHttp, type RegistryHttp, type RegistryHttpOptions, type RegistryRequest } from '../http/http.ts'
import { toInstance } from '../instance.ts'
import type { InstanceInit, Lease } from '../source.ts'
import { toRegistration } from './application.ts'

export interface EurekaSettings extends RegistryHttpOptions {
  readonly endpoints: Endpoints
  readonly headers: Record<string, string>
}

/** Registers with status UP. Eureka evicts the instance when no heartbeat arrives for the ttl. */
export async function registerInstance(
  settings: EurekaSettings,
  service: string,
  init: InstanceInit,
  { ttl, signal }: { ttl: number; signal: AbortSignal },
): Promise<Lease> {
  const instance = toInstance(init)
  const timestamp = Math.round(unixTime(settings.clock))
  const app = appOf(service)
  const body = JSON.stringify(toRegistration(app, instance, ttl, timestamp))
  const path = `/apps/${encodeURIComponent(app)}`
  const own = `${path}/${encodeURIComponent(instance.id)}`
  const heartbeat = `${own}?status=UP&lastDirtyTimestamp=${timestamp}`
  const found = await send(settings, path, { method: 'POST', body, signal })
  if (!found) throw new Error(`eureka: no Eureka server at ${settings.endpoints.current}`)
  return {
    ttl,
    renew: ({ signal }) => send(settings, heartbeat, { method: 'PUT', signal }),
    release: async ({ signal }) => {
      await send(settings, own, { method: 'DELETE', signal })
    },
  }
}

/**
 * Throws unless `base` is a Eureka server. Eureka answers 404 for an application without instances, but any
 * other server also answers 404 for an unknown path. A Eureka server always has `/apps/delta`, even when
 * reading it is forbidden.
 */
export async function checkIsEureka(
  http: RegistryHttp,
  base: string,
  request: RegistryRequest,
): Promise<void> {
  const url = `${base}/apps/delta`
  const reply = await http.send(url, request)
  if (reply.status !== 404) return
  throw new Error(
    `eureka: no Eureka server at ${base}: GET ${url} answered 404. The option url must be the one that Eureka ` +
      "clients use, usually with the path '/eureka'",
  )
}

/** Eureka stores application names in upper case. */
export function appOf(service: string): string {
  return service.toUpperCase()
}

/** Returns false when the server answers 404. */
function send(settings: EurekaSettings, path: string, request: RegistryRequest): Promise<boolean> {
  const { endpoints, headers } = settings
  return withHttp(settings, (http) =>
    endpoints.tryEach(request.signal, async (url) => {
      const reply = await http.send(url + path, {
        ...request,
        headers: { ...headers, 'content-type': 'application/json' },
      })
      if (reply.status === 404) return false
      if (reply.status < 200 || reply.status > 299) throw http.failure(url + path, request, reply)
      return true
    }),
  )
}
