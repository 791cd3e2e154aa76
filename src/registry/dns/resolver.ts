import { Resolver } from 'node:dns/promises'

/** One A or AAAA record. */
export interface DnsAddress {
  readonly address: string
  /** Seconds. */
  readonly ttl: number
}

/** One SRV record. */
export interface DnsSrv {
  /** The target. */
  readonly name: string
  /** The port of the target. */
  readonly port: number
  /** Lower is preferred. */
  readonly priority: number
  /** Its share among records of the same priority. */
  readonly weight: number
  /** Seconds, if the resolver knows; Node's does not tell. */
  readonly ttl?: number
}

/** What the DNS source asks for; a `Resolver` of node:dns/promises is one. */
export interface DnsResolver {
  resolve4(name: string, options: { ttl: true }): Promise<readonly DnsAddress[]>
  resolve6(name: string, options: { ttl: true }): Promise<readonly DnsAddress[]>
  resolveSrv(name: string): Promise<readonly DnsSrv[]>
}

/** Undefined: the system's servers. */
export function makeResolver(
  servers: readonly string[] | undefined,
  options: { readonly timeout: number; readonly tries: number },
): Resolver {
  const resolver = new Resolver(options)
  if (servers) resolver.setServers(servers)
  return resolver
}

/** Nobody there is an answer as well (NXDOMAIN, NODATA); everything else that goes wrong is no answer. */
export async function orNone<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await ask()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw error
  }
}
