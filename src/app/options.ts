import type { Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Clock } from '../clock.ts'
import { checkNumber, checkObject, checkRecord, quote } from '../options.ts'
import { checkIsSource } from '../registry/discovery.ts'
import type { Source } from '../registry/source.ts'

/** What every service has, unless its own options say otherwise. */
export type ServiceDefaults = Omit<ClientOptions, 'service' | 'source' | 'clock'>

/** What differs for one service; `source` where it is not the application's. */
export type ServiceOptions = ServiceDefaults & { source?: Source }

/** `pass`: on to the platform's fetch. `deny`: an error. `discover`: a service, if the source knows it. */
export type Unknown = 'pass' | 'deny' | 'discover'

/** What `createFetch()` takes: the services of an application, and what becomes of other hosts. */
export interface FetchOptions<Names extends string = string> {
  /** Where the instances of all services come from that have no source of their own. */
  source?: Source
  /** Options of every service. @default {} */
  defaults?: ServiceDefaults
  /** By the host that callers write: options that differ, or a client made by `createClient()`. @default {} */
  services?: Readonly<Record<Names, Client | ServiceOptions>>
  /**
   * What becomes of every other host. With `discover`, a host of one label, or with one of `suffixes`, becomes a service with the
   * defaults at its first call, if the source lists instances for it; all others go on to the platform's fetch.
   * @default 'pass'
   */
  unknown?: Unknown
  /** The older name of `unknown`. */
  otherwise?: 'pass' | 'deny'
  /** Host names that `discover` asks the source for, without the suffix: `['.internal']`. @default [] */
  suffixes?: readonly string[]
  /**
   * Milliseconds without a call after which a service lets go of its watch of the source. It comes back at the next call with the
   * instances, breakers and latencies it had. It closes no pool: undici closes connections that carry nothing by itself.
   * @default Infinity
   */
  idleTimeout?: number
  /** Time and chance, of all services. @default the system's */
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

/** Throws for what is wrong with the options of the application; those of its services are checked where they are made. */
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
    throw new TypeError(`unknown and otherwise say different things: leave otherwise out`)
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
