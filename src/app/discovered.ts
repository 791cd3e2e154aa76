import { isIP } from 'node:net'
import type { Clock } from '../clock.ts'
import { logicalAddress } from '../doors/plan/target.ts'

/** Hosts that are remembered as no service at a time. */
const MAX_STRANGERS = 1_000
/** Milliseconds for which a host is remembered as no service. */
const REMEMBERED = 30_000

/** Which hosts may be services that nobody has named, and which turned out to be none. */
export class Strangers {
  readonly #clock: Clock
  readonly #suffixes: readonly string[]
  /** Host → until when, oldest first. */
  readonly #until = new Map<string, number>()

  constructor(clock: Clock, suffixes: readonly string[]) {
    this.#clock = clock
    this.#suffixes = suffixes
  }

  /** The name to ask the source for, or undefined if the host cannot be a service or is known to be none. */
  nameOf(host: string): string | undefined {
    const until = this.#until.get(host)
    if (until !== undefined && until > this.#clock.now()) return undefined
    return this.bareName(host)
  }

  /** Without port and suffix. Only single labels: `example.com` is never a service. */
  bareName(host: string): string | undefined {
    const name = host.replace(/:\d+$/, '')
    if (!isHost(host) || name.startsWith('[') || isIP(name) !== 0 || name === 'localhost') return undefined
    const suffix = this.#suffixes.find((each) => name.endsWith(each) && name.length > each.length)
    const bare = suffix === undefined ? name : name.slice(0, -suffix.length)
    return suffix === undefined && bare.includes('.') ? undefined : bare
  }

  add(host: string): void {
    this.#until.delete(host)
    if (this.#until.size >= MAX_STRANGERS) {
      for (const oldest of this.#until.keys()) {
        this.#until.delete(oldest)
        break
      }
    }
    this.#until.set(host, this.#clock.now() + REMEMBERED)
  }
}

/** Hosts of URLs may have characters that a service's name has not. */
function isHost(host: string): boolean {
  try {
    return logicalAddress(host).host === host
  } catch {
    return false
  }
}
