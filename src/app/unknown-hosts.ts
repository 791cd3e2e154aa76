import { isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import { logicalAddress } from '../doors/plan/target.ts'

/** How many hosts are stored as "no service" at a time. */
const MAX_HOSTS = 1_000
/** How long a host is stored as "no service", in ms. */
const EXPIRES_AFTER = 30_000

/** Decides which hosts may be discovered as services, and stores which hosts are none. */
export class UnknownHosts {
  readonly #clock: Clock
  readonly #suffixes: readonly string[]
  /** When each host expires, in ms on the clock. The oldest host is first. */
  readonly #until = new Map<string, number>()

  constructor(clock: Clock, suffixes: readonly string[]) {
    this.#clock = clock
    this.#suffixes = suffixes
  }

  /**
   * Returns the name to look up in the source, or undefined if the host cannot be a service or is known to be
   * none.
   */
  nameOf(host: string): string | undefined {
    const until = this.#until.get(host)
    if (until !== undefined && until > this.#clock.now()) return undefined
    return this.bareName(host)
  }

  /**
   * Returns the host without port and suffix. Without a suffix, only a single label can be a service, so
   * `example.com` cannot.
   */
  bareName(host: string): string | undefined {
    const name = host.replace(/:\d+$/, '')
    if (!isHost(host) || name.startsWith('[') || isIP(name) !== 0 || name === 'localhost') return undefined
    const suffix = this.#suffixes.find((each) => name.endsWith(each) && name.length > each.length)
    const bare = suffix === undefined ? name : name.slice(0, -suffix.length)
    return suffix === undefined && bare.includes('.') ? undefined : bare
  }

  add(host: string): void {
    this.#until.delete(host)
    if (this.#until.size >= MAX_HOSTS) {
      for (const oldest of this.#until.keys()) {
        this.#until.delete(oldest)
        break
      }
    }
    this.#until.set(host, this.#clock.now() + EXPIRES_AFTER)
  }
}

/** Hosts of URLs may contain characters that are not allowed in a service's name. */
function isHost(host: string): boolean {
  try {
    return logicalAddress(host).host === host
  } catch {
    return false
  }
}
