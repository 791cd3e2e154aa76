import { Resolver } from 'node:dns/promises'

/** One A or AAAA record. */
export interface DnsAddress {
  readonly address: string
  /** In seconds. */
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
  /** The relative share among records of the same priority. */
  readonly weight: number
  /** In seconds. Node.js's resolver does not report it. */
  readonly ttl?: number
}

/** What the DNS source needs. A `Resolver` of node:dns/promises fits. */
export interface DnsResolver {
  resolve4(name: string, options: { ttl: true }): Promise<readonly DnsAddress[]>
  resolve6(name: string, options: { ttl: true }): Promise<readonly DnsAddress[]>
  resolveSrv(name: string): Promise<readonly DnsSrv[]>
}

/** If `servers` is undefined, the system's name servers are used. */
export function makeResolver(
  servers: readonly string[] | undefined,
  options: { readonly timeout: number; readonly tries: number },
): Resolver {
  const resolver = new Resolver(options)
  if (servers) resolver.setServers(servers)
  return resolver
}

/** Returns an empty list when the name has no record (NXDOMAIN, NODATA). Every other error is thrown. */
export async function emptyIfNoRecord<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await ask()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw error
  }
}
