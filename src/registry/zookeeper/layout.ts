import { hostAndPort, networkUrl } from '../origin.ts'
import { isPlainObject } from '../plain-data.ts'
import { packMeta, unpackMeta } from '../http/string-meta.ts'
import type { Instance } from '../source.ts'
import { parseJson } from '../text.ts'

/** How instances are stored as child nodes of their service. */
export interface Layout {
  /** Returns the path of the node whose children are the instances. */
  parent(root: string, service: string): string
  /** Returns the name of an instance's node. */
  nameOf(service: string, instance: Instance): string
  dataOf(service: string, instance: Instance, now: number): string
  /** Whether the name contains everything, so that the data need not be read. */
  readonly nameOnly: boolean
  /** Returns undefined for an entry that must not get requests. May throw. */
  read(name: string, data: string): Instance | undefined
}

/** The layout of Curator's service discovery, with the payload of Spring Cloud Zookeeper. */
export const curator: Layout = {
  parent: (root, service) => `${root}/${service}`,
  nameOf: (_service, { id }) => encodeURIComponent(id),
  dataOf: (service, instance, now) => {
    const { id, url, weight, priority, draining } = instance
    const { hostname, port, protocol } = networkUrl(url)
    const secure = protocol === 'https:'
    return JSON.stringify({
      name: service,
      id,
      address: hostname.replace(/^\[|\]$/g, ''),
      port: secure ? null : Number(port) || 80,
      sslPort: secure ? Number(port) || 443 : null,
      payload: {
        '@class': 'org.springframework.cloud.zookeeper.discovery.ZookeeperInstance',
        id,
        name: service,
        metadata: packMeta(instance, { weight, priority, draining }),
      },
      registrationTimeUTC: now,
      serviceType: 'DYNAMIC',
      uriSpec: null,
    })
  },
  nameOnly: false,
  read: (name, data) => {
    const entry = parseJson(data)
    if (!isPlainObject(entry)) throw new TypeError('the data is not a JSON object')
    const { id = decodeURIComponent(name), address, port, sslPort, enabled, payload } = entry
    if (enabled === false) return undefined
    const { own, zone, metadata } = unpackMeta(isPlainObject(payload) ? payload['metadata'] : undefined)
    const host = String(address)
    const authority = `${host.includes(':') ? `[${host}]` : host}:${String(sslPort ?? port)}`
    return {
      id,
      url: `${sslPort == null ? 'http' : 'https'}://${authority}`,
      weight: own['weight'],
      zone,
      priority: own['priority'],
      draining: own['draining'],
      metadata,
    } as Instance
  },
}

/** Dubbo's protocols that use HTTP, and the scheme of each. */
const DUBBO_SCHEMES: Readonly<Record<string, string>> = {
  http: 'http',
  https: 'https',
  rest: 'http',
  tri: 'http',
}

/** The layout of Dubbo's registry. A provider is a url, which is the name of its node. */
export const dubbo: Layout = {
  parent: (root, service) => `${root}/${service}/providers`,
  nameOf: (service, { id, url, weight, zone, priority, draining, metadata }) => {
    const own = JSON.stringify({ id, weight, zone, priority, draining, metadata })
    const query = new URLSearchParams({
      category: 'providers',
      interface: service,
      side: 'provider',
      ...(weight !== undefined && { weight: String(Math.round(weight * 100)) }),
      outrigger: own,
    })
    return encodeURIComponent(
      `${networkUrl(url).protocol}//${hostAndPort(url)}/${service}?${query.toString()}`,
    )
  },
  dataOf: () => '',
  nameOnly: true,
  read: (name) => {
    const text = decodeURIComponent(name)
    const [, protocol = '', rest = ''] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/i.exec(text) ?? []
    if (rest === '') throw new TypeError('the name is not a url')
    const scheme = DUBBO_SCHEMES[protocol]
    // Dubbo's binary protocol and others that an HTTP client cannot use.
    if (scheme === undefined) return undefined
    const { host, searchParams } = new URL(`http://${rest}`)
    const {
      outrigger,
      weight,
      interface: _,
      category: __,
      side: ___,
      enabled,
      disabled,
      ...metadata
    } = Object.fromEntries(searchParams)
    if (enabled === 'false' || disabled === 'true') return undefined
    const own = outrigger === undefined ? undefined : parseJson(outrigger)
    const url = `${scheme}://${host}`
    if (isPlainObject(own)) return { ...own, url } as unknown as Instance
    return {
      id: `${protocol}://${host}`,
      url,
      // Dubbo's default weight is 100.
      ...(weight !== undefined && { weight: Number(weight) / 100 }),
      metadata,
    }
  },
}
