import { quote } from '../options.ts'
import { bounded } from './bounded.ts'
import { lookUpHost, lookUpSrv, type Answer } from './dns/look-up.ts'
import { dnsSettings, type DnsOptions, type DnsSettings } from './dns/options.ts'
import { FailoverResolver } from './dns/failover.ts'
import type { Instance, Source } from './source.ts'

export type { DnsCommonOptions, DnsHostOptions, DnsName, DnsOptions, DnsSrvOptions } from './dns/options.ts'
export type { DnsAddress, DnsResolver, DnsSrv } from './dns/resolver.ts'

/**
 * In ms. Used when no record has a TTL: Node.js reports none for SRV records, and a name without records has
 * none.
 */
const UNKNOWN_TTL = 5_000

/**
 * Reads instances from DNS: SRV records, or the addresses of a host at a fixed port. Queries the name servers
 * directly, without hosts file and search domains, so names must be fully qualified.
 *
 * @example
 * dns({ srv: (service) => `_http._tcp.${service}.shop.example` })
 * dns({ host: 'users.shop.example', port: 8080 })
 */
export function dns(options: DnsOptions): Source {
  const settings = dnsSettings(options)
  return { watch: (service, { signal }) => watchDns(settings, service, signal) }
}

async function* watchDns(
  settings: DnsSettings,
  service: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Instance[], void> {
  if (signal.aborted) return
  const { clock, minTtl, maxTtl, timeout, port, servers } = settings
  const name = nameOf(settings, service)
  // Each watch has a resolver, because `cancel()` ends every query of a resolver.
  const own = new FailoverResolver(servers, timeout)
  const question = { ...settings, name, resolver: settings.resolver ?? own }
  const cancel = (): void => own.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    while (!signal.aborted) {
      const lookUp = (): Promise<Answer> =>
        port === undefined ? lookUpSrv(question) : lookUpHost(question, port)
      // A resolver of the user's may never settle and does not get our signal.
      const { instances, ttl = UNKNOWN_TTL } = await bounded(clock, timeout, lookUp, { parent: signal })
      yield instances
      await clock.sleep(Math.min(Math.max(ttl, minTtl), maxTtl), signal, { ref: false })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', cancel)
    // A query may still be running after our timeout.
    cancel()
  }
}

function nameOf({ name }: DnsSettings, service: string): string {
  const value: unknown = typeof name === 'string' ? name : name(service)
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(
    `the DNS name of ${quote(service)} must be a string that is not empty, got ${quote(value)}`,
  )
}
