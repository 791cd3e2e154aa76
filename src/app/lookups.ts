import { startTimer, type Clock } from '../clock.ts'
import type { Allow } from '../registry/allow.ts'
import { Discovery } from '../registry/discovery.ts'
import type { Instance, Source } from '../registry/source.ts'

/** The longest wait of a call for the source's answer, in ms. Later calls to that host do not wait. */
const PATIENCE = 1_000
/** Hosts that are asked for at a time: their names come from URLs. */
const MAX_RUNNING = 100

export interface LookupOptions {
  readonly source: Source
  readonly clock: Clock
  /** The source lists instances for the host. */
  readonly onFound: (host: string, name: string) => void
  /** The source lists none. */
  readonly onNone: (host: string) => void
}

interface Lookup {
  readonly discovery: Discovery
  /** Resolves once it is known what the host is, or there is no sense in waiting for it. */
  readonly wait: Promise<void>
  readonly stopWaiting: () => void
  isWorthWaiting: boolean
}

/**
 * Asks the source for hosts that nobody has named. A lookup goes on until the source has answered: a call waits for it for
 * a second at most, and not at all when the source fails.
 */
export class Lookups {
  readonly #options: LookupOptions
  readonly #running = new Map<string, Lookup>()

  constructor(options: LookupOptions) {
    this.#options = options
  }

  /** What a call to this host has to wait for; undefined if it need not. */
  waitFor(host: string, name: string, allow: Allow | undefined): Promise<void> | undefined {
    const running = this.#running.get(host)
    if (!running && this.#running.size >= MAX_RUNNING) return undefined
    const lookup = running ?? this.#start(host, name, allow)
    return lookup.isWorthWaiting ? lookup.wait : undefined
  }

  /** Ends all lookups, and whoever waits goes on. */
  close(): void {
    for (const host of this.#running.keys()) this.drop(host)
  }

  /** Ends one lookup without an answer. */
  drop(host: string): void {
    const lookup = this.#running.get(host)
    if (!lookup) return
    this.#running.delete(host)
    lookup.stopWaiting()
    void lookup.discovery.close()
  }

  #start(host: string, name: string, allow: Allow | undefined): Lookup {
    const { source, clock } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = startTimer(clock, PATIENCE, () => lookup.stopWaiting())
    const discovery = new Discovery({
      source,
      service: name,
      clock,
      allow,
      onInstances: (instances) => this.#answered(host, name, instances),
      onFailed: () => {
        if (discovery.isHopeless) lookup.stopWaiting()
      },
    })
    const lookup: Lookup = {
      discovery,
      wait: promise,
      isWorthWaiting: true,
      stopWaiting: () => {
        lookup.isWorthWaiting = false
        cancel()
        resolve()
      },
    }
    this.#running.set(host, lookup)
    discovery.start()
    return lookup
  }

  #answered(host: string, name: string, instances: readonly Instance[]): void {
    // Nobody waits for it any more: it was dropped.
    if (!this.#running.has(host)) return
    // Before the lookup ends its watch: the service goes on with the same one.
    if (instances.length > 0) this.#options.onFound(host, name)
    else this.#options.onNone(host)
    this.drop(host)
  }
}
