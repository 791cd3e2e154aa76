import type { Client } from '../client/client.ts'
import { startTimer, type Clock } from '../clock.ts'
import { outsideCalls } from '../observe/scope.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import type { Allow } from '../registry/allow.ts'
import { sourceTrouble } from '../registry/source-failure.ts'
import { Discovery } from '../registry/discovery.ts'
import type { Instance, Source } from '../registry/source.ts'

/** How long a call waits for the source's answer, in ms. Later calls to the same host do not wait. */
const MAX_WAIT = 1_000
/** How many lookups may run at a time. The limit is needed because the host names come from URLs. */
const MAX_RUNNING = 100

export interface LookupOptions {
  readonly source: Source
  readonly clock: Clock
  /** Called when the source lists instances for the host. */
  readonly onFound: (host: string, name: string) => Client | undefined
  /** Called when the source lists no instances for the host. */
  readonly onNone: (host: string) => void
}

interface Lookup {
  readonly discovery: Discovery
  /** Resolves when the lookup has a result, or waiting makes no sense. */
  readonly wait: Promise<void>
  readonly stopWaiting: () => void
  isWorthWaiting: boolean
}

/**
 * Looks up hosts in the source that no option names. A lookup runs until the source has answered. A call waits
 * at most one second for it, and not at all when the source fails.
 */
export class Lookups {
  readonly #options: LookupOptions
  readonly #running = new Map<string, Lookup>()

  constructor(options: LookupOptions) {
    this.#options = options
  }

  /** Returns the promise that a call to this host must await, or undefined if it need not wait. */
  waitFor(host: string, name: string, allow: () => Allow | undefined): Promise<void> | undefined {
    const running = this.#running.get(host)
    if (!running && this.#running.size >= MAX_RUNNING) return undefined
    if (!running) return this.#start(host, name, allow()).wait
    return running.isWorthWaiting ? running.wait : undefined
  }

  /** Ends all lookups. Calls that wait continue. */
  close(): void {
    for (const host of this.#running.keys()) this.drop(host)
  }

  /** Ends one lookup without a result. */
  drop(host: string): void {
    void this.#remove(host)?.discovery.close()
  }

  #start(host: string, name: string, allow: Allow | undefined): Lookup {
    const { source, clock } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = startTimer(clock, MAX_WAIT, () => lookup.stopWaiting())
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
    // Not in the async context of the first call, because the watch may continue for other calls.
    outsideCalls.runInAsyncScope(() => discovery.start())
    return lookup
  }

  async #answered(host: string, name: string, instances: readonly Instance[]): Promise<void> {
    // The lookup was dropped.
    if (!this.#running.has(host)) return
    const lookup = this.#remove(host)
    if (instances.length === 0) this.#options.onNone(host)
    else {
      const service = this.#options.onFound(host, name)
      // Wait until the service has joined the watch. Otherwise the watch would end and start again.
      if (service) await service.ready().catch(() => {})
    }
    await lookup?.discovery.close()
  }

  /** Removes the lookup. Calls that wait continue. */
  #remove(host: string): Lookup | undefined {
    const lookup = this.#running.get(host)
    this.#running.delete(host)
    lookup?.stopWaiting()
    return lookup
  }
}

/** Waits for a lookup, or until the caller's signal aborts. */
export async function waitUnlessAborted(signal: unknown, lookup: Promise<void>): Promise<void> {
  if (!(signal instanceof AbortSignal)) return lookup
  const done = new AbortController()
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { signal: done.signal })
  await Promise.race([lookup, promise])
  done.abort()
}
