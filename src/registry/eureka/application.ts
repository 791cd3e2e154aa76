import { networkUrl } from '../origin.ts'
import { isPlainObject } from '../plain-data.ts'
import type { Instance } from '../source.ts'
import { packMeta, unpackMeta } from '../http/string-meta.ts'

/** Which field of an instance its url contains. */
export type AddressField = 'hostName' | 'ipAddr'

interface Port {
  readonly $: number | string
  readonly '@enabled': string | boolean
}

/** The part of an instance in the answer of `/apps/:app` that is read. */
interface Entry {
  readonly instanceId?: string
  readonly hostName?: string
  readonly ipAddr?: string
  readonly status: string
  readonly port?: Port
  readonly securePort?: Port
  readonly dataCenterInfo?: { readonly metadata?: Record<string, unknown> }
  readonly metadata?: Record<string, unknown>
}

/** Returns the instances with status UP. Those with another status must not get requests. */
export function readApplication(answer: unknown, address: AddressField): readonly Instance[] {
  const application = isPlainObject(answer) ? answer['application'] : undefined
  if (!isPlainObject(application)) throw new TypeError('eureka: the answer is not an application')
  // Some encoders write a list with one element as the element.
  const entries = [application['instance'] ?? []].flat() as (Entry | null)[]
  return entries
    .filter((entry): entry is Entry => entry?.status === 'UP')
    .map((entry) => toInstance(entry, address))
}

function toInstance(entry: Entry, address: AddressField): Instance {
  // Java’s serialiser adds this key.
  const { '@class': _, ...meta } = entry.metadata ?? {}
  const { own, zone = entry.dataCenterInfo?.metadata?.['availability-zone'], metadata } = unpackMeta(meta)
  const secure = isEnabled(entry.securePort)
  // Without a host the url is invalid, and the entry is reported as invalid.
  const host = entry[address] ?? ''
  const port = secure ? entry.securePort : entry.port
  return {
    id: entry.instanceId ?? host,
    url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port?.$}`,
    weight: own['weight'],
    zone,
    priority: own['priority'],
    draining: own['draining'],
    metadata,
  } as Instance
}

/** Returns the body of a registration. */
export function toRegistration(app: string, instance: Instance, ttl: number, timestamp: number): object {
  const { id, url, weight, priority, draining } = instance
  const { hostname, port, protocol } = networkUrl(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const secure = protocol === 'https:'
  return {
    instance: {
      instanceId: id,
      app,
      hostName: host,
      ipAddr: host,
      status: 'UP',
      port: { $: secure ? 80 : Number(port) || 80, '@enabled': String(!secure) },
      securePort: { $: secure ? Number(port) || 443 : 443, '@enabled': String(secure) },
      vipAddress: app.toLowerCase(),
      secureVipAddress: app.toLowerCase(),
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      leaseInfo: {
        renewalIntervalInSecs: Math.max(Math.floor(ttl / 3000), 1),
        durationInSecs: Math.ceil(ttl / 1000),
      },
      lastDirtyTimestamp: String(timestamp),
      metadata: packMeta(instance, { weight, priority, draining }),
    },
  }
}

function isEnabled(port: Port | undefined): boolean {
  return String(port?.['@enabled']) === 'true'
}
