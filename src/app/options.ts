import type { Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Clock } from '../clock.ts'
import { checkNumber, checkObject, checkRecord, quote } from '../options.ts'
import { checkIsSource } from '../registry/discovery.ts'
import type { Source } from '../registry/source.ts'

/** The options of every service, unless its own options override them. */
export type ServiceDefaults = Omit<ClientOptions, 'service' | 'source' | 'clock'>

/** The options that differ for one service. `source` is needed if it differs from the application's. */
export type ServiceOptions = ServiceDefaults & { source?: Source }

/** `pass`: use the platform's fetch. `deny`: throw an error. `discover`: use a service if the source knows it. */
export type Unknown = 'pass' | 'deny' | 'discover'

/** Options of `createFetch()`: the services of an application, and the behaviour for other hosts. */
export interface FetchOptions<Names extends string = string> {
  /** The source of all services that have none of their own. */
  source?: Source
  /** The options of every service. @default {} */
  defaults?: ServiceDefaults
  /** By the host that callers use: options that differ, or a client made by `createClient()`. @default {} */
  services?: Readonly<Record<Names, Client | ServiceOptions>>
  /**
   * The behaviour for every other host. With `discover`, a host with one label, or with one of `suffixes`,
   * becomes a service with the defaults at its first call, if the source lists instances for it. All others use
   * the platform's fetch.
   * @default 'pass'
   */
  unknown?: Unknown
  /** The old name of `unknown`. */
  otherwise?: 'pass' | 'deny'
  /** Suffixes of hosts that `discover` looks up in the source, without the suffix: `['.internal']`. @default [] */
  suffixes?: readonly string[]
  /**
   * In ms. After this time without a call, a service stops watching the source. At the next call it watches
   * again, with the instances, breaker states and latencies it had. This closes no connection pool: undici
   * closes idle connections itself.
   * @default Infinity
   */
  idleTimeout?: number
  /** The source of time and random numbers for all services. @default the system's clock */
  clock?: Clock
}

export const APP_OPTIONS: readonly (keyof FetchOptions)[] = [
  'source',
  'defaults',
  'services',
  'unknown',
  'otherwise',
  'suffixes',
  'idleTimeout',
  'clock',
]

const UNKNOWN: readonly unknown[] = ['pass', 'deny', 'discover']

/** Checks the options of the application. The options of its services are checked where the services are made. */
export function checkAppOptions(options: FetchOptions): void {
  checkObject('createFetch()', options, APP_OPTIONS)
  const { defaults, services, unknown, otherwise, suffixes, idleTimeout, source } = options
  if (services !== undefined) checkRecord('services', services)
  else if (unknown !== 'discover') throw new TypeError("services is required without unknown: 'discover'")
  if (defaults !== undefined) checkRecord('defaults', defaults)
  for (const name of ['service', 'source', 'clock']) {
    if (defaults && name in defaults) throw new TypeError(`defaults cannot have ${name}`)
  }
  if (unknown !== undefined && !UNKNOWN.includes(unknown)) {
    throw new TypeError(`unknown must be 'pass', 'deny' or 'discover', got ${quote(unknown)}`)
  }
  if (otherwise !== undefined && otherwise !== 'pass' && otherwise !== 'deny') {
    throw new TypeError(`otherwise must be 'pass' or 'deny', got ${quote(otherwise)}`)
  }
  if (unknown !== undefined && otherwise !== undefined && unknown !== otherwise) {
    throw new TypeError(
      `unknown is ${quote(unknown)} and otherwise is ${quote(otherwise)}: leave otherwise out`,
    )
  }
  if (unknown === 'discover' && source === undefined) {
    throw new TypeError(`unknown: 'discover' needs a source`)
  }
  if (source !== undefined) checkIsSource('source', source)
  if (idleTimeout !== undefined) checkNumber('idleTimeout', idleTimeout, { exclusive: true })
  if (suffixes !== undefined) checkSuffixes(suffixes)
}

function checkSuffixes(suffixes: readonly string[]): void {
  const isSuffix = (suffix: unknown): boolean => typeof suffix === 'string' && /^\.[\w.-]+$/.test(suffix)
  if (Array.isArray(suffixes) && suffixes.every(isSuffix)) return
  throw new TypeError(`suffixes must be a list such as ['.internal'], got ${quote(suffixes)}`)
}
