import { systemClock, type Clock } from '../../clock.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../../options.ts'
import { makeResolver, type DnsResolver } from './resolver.ts'

/** A fully qualified name, or a function that returns the name for a service. */
export type DnsName = string | ((service: string) => string)

/** Options of `dns()` for SRV records and for hosts. */
export interface DnsCommonOptions {
  /** @default 'http' */
  scheme?: 'http' | 'https'
  /**
   * Whether to use only IPv4 or only IPv6 addresses.
   * @default both
   */
  family?: 4 | 6
  /**
   * The shortest time between two queries, in ms, even if the TTL is shorter.
   * @default 1_000
   */
  minTtl?: number
  /**
   * The longest time between two queries, in ms, even if the TTL is longer.
   * @default 30_000
   */
  maxTtl?: number
  /**
   * How long one look-up may take in all, in ms.
   * @default 5_000
   */
  timeout?: number
  /**
   * The IP addresses of the name servers, with a port if it is not 53: `['10.0.0.2', '127.0.0.1:8600']`. The
   * next server is queried when one does not answer, or answers SERVFAIL, REFUSED, NOTIMP or FORMERR.
   * @default the system's name servers
   */
  servers?: readonly string[]
  /** A resolver to use instead of `servers`. */
  resolver?: DnsResolver
  /** @default the system's clock */
  clock?: Clock
}

/** Options of `dns()` for SRV records. */
export interface DnsSrvOptions extends DnsCommonOptions {
  /** The name of SRV records, which contain the ports: `'_http._tcp.users.example'`. */
  srv: DnsName
  host?: never
  port?: never
}

/** Options of `dns()` for the addresses of a host. */
export interface DnsHostOptions extends DnsCommonOptions {
  /** The name of A and AAAA records: `'users.example'`. */
  host: DnsName
  /** The port of every address. */
  port: number
  srv?: never
}

/** What `dns()` takes: a name of SRV records, or a host and a port. */
export type DnsOptions = DnsSrvOptions | DnsHostOptions

export interface DnsSettings {
  readonly name: DnsName
  /** Undefined for SRV records. */
  readonly port: number | undefined
  readonly scheme: 'http' | 'https'
  readonly family: 4 | 6 | undefined
  readonly minTtl: number
  readonly maxTtl: number
  readonly timeout: number
  readonly servers: readonly string[] | undefined
  readonly resolver: DnsResolver | undefined
  readonly clock: Clock
}

const OPTIONS = [
  'srv',
  'host',
  'port',
  'scheme',
  'family',
  'minTtl',
  'maxTtl',
  'timeout',
  'servers',
  'resolver',
  'clock',
]

export function dnsSettings(options: DnsOptions): DnsSettings {
  checkObject('dns', options, OPTIONS)
  const { srv, host, port, scheme = 'http', family, servers, resolver, clock = systemClock } = options
  if ((srv === undefined) === (host === undefined)) {
    throw new TypeError(`dns needs either srv or host, got ${quote(options)}`)
  }
  if (srv !== undefined && port !== undefined) {
    throw new TypeError(
      `dns.port must not be set with dns.srv, because SRV records contain the port; got ${quote(port)}`,
    )
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw new TypeError(`dns.scheme must be 'http' or 'https', got ${quote(scheme)}`)
  }
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new TypeError(`dns.family must be 4 or 6, got ${quote(family)}`)
  }
  if (resolver !== undefined) {
    checkMethods('dns.resolver', resolver, ['resolve4', 'resolve6', 'resolveSrv'])
    if (servers !== undefined) throw new TypeError('dns.servers must not be set with resolver')
  }
  checkMethods('dns.clock', clock, ['now', 'sleep', 'random'])
  const { minTtl = 1_000, timeout = 5_000 } = options
  checkNumber('dns.minTtl', minTtl, { exclusive: true })
  const { maxTtl = Math.max(30_000, minTtl) } = options
  return {
    name: srv === undefined ? checkName('dns.host', host) : checkName('dns.srv', srv),
    port:
      srv === undefined ? checkNumber('dns.port', port, { min: 1, max: 65_535, integer: true }) : undefined,
    scheme,
    family,
    minTtl,
    maxTtl: checkNumber('dns.maxTtl', maxTtl, { min: minTtl }),
    timeout: checkNumber('dns.timeout', timeout, { min: 1 }),
    servers: servers === undefined ? undefined : checkServers(servers),
    resolver,
    clock,
  }
}

function checkName(name: string, value: unknown): DnsName {
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'string') throw new TypeError(`${name} must not be empty`)
  checkFunction(name, value)
  return value as DnsName
}

function checkServers(servers: readonly string[]): readonly string[] {
  try {
    const copy = [...servers]
    if (copy.length === 0) throw new TypeError('none given')
    makeResolver(copy, { timeout: 1, tries: 1 })
    return copy
  } catch (error) {
    throw new TypeError(`dns.servers must be a list of IP addresses, got ${quote(servers)}`, { cause: error })
  }
}
