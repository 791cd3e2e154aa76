import type { Client } from '../client/client.ts'
import { startTimer, type Clock } from '../clock.ts'
import { nobody } from '../observe/scope.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import type { Allow } from '../registry/allow.ts'
import { sourceTrouble } from '../registry/source-failure.ts'
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
  readonly onFound: (host: string, name: string) => Client | undefined
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
  waitFor(host: string, name: string, allow: () => Allow | undefined): Promise<void> | undefined {
    const running = this.#running.get(host)
    if (!running && this.#running.size >= MAX_RUNNING) return undefined
    if (!running) return this.#start(host, name, allow()).wait
    return running.isWorthWaiting ? running.wait : undefined
  }

  /** Ends all lookups, and whoever waits goes on. */
  close(): void {
    for (const host of this.#running.keys()) this.drop(host)
  }

  /** Ends one lookup without an answer. */
  drop(host: string): void {
    void this.#forget(host)?.discovery.close()
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
      onInstances: (instances) => {
        this.#answered(host, name, instances).catch(() => this.#options.onNone(host))
      },
      onFailed: () => {
        if (discovery.isHopeless) lookup.stopWaiting()
      },
      onStale: (error) =>
        warnOnce(source, `no host can be looked up: ${sourceTrouble(error)}`, 'OUTRIGGER_SOURCE'),
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
    // Not in the context of the call that is the first: the watch may go on for others.
    nobody.runInAsyncScope(() => discovery.start())
    return lookup
  }

  async #answered(host: string, name: string, instances: readonly Instance[]): Promise<void> {
    // Nobody waits for it any more: it was dropped.
    if (!this.#running.has(host)) return
    const lookup = this.#forget(host)
    if (instances.length === 0) this.#options.onNone(host)
    else {
      const service = this.#options.onFound(host, name)
      // The service then has its part in the watch, which goes on.
      if (service) await service.ready().catch(() => {})
    }
    await lookup?.discovery.close()
  }

  /** Whoever waits goes on. */
  #forget(host: string): Lookup | undefined {
    const lookup = this.#running.get(host)
    this.#running.delete(host)
    lookup?.stopWaiting()
    return lookup
  }
}

/** Waits for a lookup, unless the caller's signal aborts before. */
export async function waitUnless(signal: unknown, lookup: Promise<void>): Promise<void> {
  if (!(signal instanceof AbortSignal)) return lookup
  const done = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { signal: done.signal })
  await Promise.race([lookup, promise])
  done.abort()
}
