import pRetry from 'p-retry'
import { systemClock, type Clock } from '../clock.ts'
import { OutriggerError } from '../errors.ts'
import { checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import type { Allow } from './allow.ts'
import { registryBackoff, type RegistryBackoff } from './backoff.ts'
import { watchOne } from './shared/one-watch.ts'
import { sourceFailure } from './source-failure.ts'
import { SnapshotReader, type Rejected } from './snapshot.ts'
import type { Instance, Source } from './source.ts'

export interface DiscoveryOptions {
  source: Source
  /** Refuses an instance's url by throwing. */
  allow?: Allow | undefined
  service: string
  /** @default the system's */
  clock?: Clock
  /** A snapshot that differs from the one before, order aside. The callbacks must not throw. */
  onInstances: (instances: readonly Instance[]) => void
  /** The source failed; each time. */
  onFailed?: (error: unknown) => void
  /** The source failed; once per outage. What is known stays in use. */
  onStale?: (error: unknown) => void
  /** The first good snapshot after that; `staleFor` in ms. */
  onRecovered?: (staleFor: number) => void
  /** Entries of a snapshot were dropped; once until they change. */
  onInvalid?: (rejected: readonly Rejected[]) => void
  /**
   * How long a drop to zero instances is held back, in ms.
   * @default `source.emptyGrace`, or else 30_000
   */
  emptyGrace?: number
  /** Between the tries of a source that fails. */
  backoff?: RegistryBackoff
}

const OPTIONS = [
  'source',
  'allow',
  'service',
  'clock',
  'onInstances',
  'onFailed',
  'onStale',
  'onRecovered',
  'onInvalid',
  'emptyGrace',
  'backoff',
]

/** A watch that ends as planned twice within this time is held to it: at once must not become a spin. */
const MIN_WATCH = 1000

/** For a source that does not say how long a drop to zero is held back. */
export const DEFAULT_EMPTY_GRACE = 30_000

/** Drives one source for one service: what a source need not do (retry, dedupe, validate, remember) is done here. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #clock: Clock
  #emptyGrace: number
  readonly #backoff: (failures: number, clock: Clock) => number
  readonly #stop = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #reader: SnapshotReader
  #instances: readonly Instance[] | undefined
  #watching: AbortController | undefined
  #grace: AbortController | undefined
  #failures = 0
  /** Since when the watch gives snapshots without a failure. */
  #goodSince: number | undefined
  #error: unknown
  #staleSince: number | undefined
  #reported = ''

  constructor(options: DiscoveryOptions) {
    checkObject('Discovery', options, OPTIONS)
    const sourceGrace = checkSource('source', options.source)
    const { clock = systemClock, emptyGrace = sourceGrace } = options
    checkFunction('onInstances', options.onInstances)
    this.#options = { ...options }
    this.#reader = new SnapshotReader(options.allow)
    this.#clock = clock
    this.#emptyGrace = checkNumber('emptyGrace', emptyGrace)
    this.#backoff = registryBackoff('backoff', options.backoff)
    // Nobody has to wait for it.
    this.#ready.promise.catch(() => {})
  }

  /** From the next snapshot on. */
  reconfigure(
    allow: DiscoveryOptions['allow'],
    emptyGrace: number = checkSource('source', this.#options.source),
  ): void {
    this.#emptyGrace = emptyGrace
    this.#reader = new SnapshotReader(allow)
  }

  /** Resolves with the first valid snapshot, also an empty one; rejects if closed before. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether a valid snapshot has arrived. */
  get seen(): boolean {
    return this.#instances !== undefined
  }

  /** The source's last error; undefined while it is healthy. */
  get error(): unknown {
    return this.#error
  }

  /** Milliseconds since the source began to fail; undefined while it is healthy. */
  get staleFor(): number | undefined {
    return this.#staleSince === undefined ? undefined : this.#clock.now() - this.#staleSince
  }

  /**
   * Whether nothing is known, and it is not worth while to wait for it: the source has failed for a reason that does not pass by
   * itself within a moment, or more than once.
   */
  get isHopeless(): boolean {
    if (this.seen || this.#error === undefined) return false
    return this.#failures > 1 || sourceFailure(this.#error) !== 'unclear'
  }

  get instances(): readonly Instance[] {
    return this.#instances ?? []
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Aborts the watch and waits for its end, but not for long: what a source yields later is dropped. */
  async close(): Promise<void> {
    this.#stop.abort(
      new OutriggerError('ERR_OUTRIGGER_CLOSED', `discovery of ${this.#options.service} is closed`),
    )
    this.#watching?.abort(this.#stop.signal.reason)
    this.#endGrace()
    this.#ready.reject(this.#stop.signal.reason)
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let before = Infinity
    while (!signal.aborted) {
      const started = this.#clock.now()
      try {
        await pRetry(() => this.#watch(), {
          retries: Infinity,
          minTimeout: 0,
          signal,
          onFailedAttempt: () =>
            this.#clock.sleep(this.#backoff(this.#failures, this.#clock), signal, { ref: false }),
        })
        const lasted = this.#clock.now() - started
        if (lasted < MIN_WATCH && before < MIN_WATCH) {
          await this.#clock.sleep(MIN_WATCH - lasted, signal, { ref: false })
        }
        before = lasted
      } catch {
        // Closed: nothing else gets out of endless retries.
      }
    }
  }

  async #watch(): Promise<void> {
    const { source, service } = this.#options
    // Its own signal, so that an iterator without return() is stopped as well.
    const watching = new AbortController()
    this.#watching = watching
    const { signal } = this.#stop
    try {
      await watchOne(source, service, {
        signal: watching.signal,
        clock: this.#clock,
        onSnapshot: (snapshot) => {
          if (!signal.aborted) this.#accept(snapshot)
        },
      })
    } catch (error) {
      if (signal.aborted) return
      this.#fail(error)
      // p-retry does not retry a TypeError.
      throw new Error('the source failed', { cause: error })
    } finally {
      watching.abort()
    }
  }

  #accept(value: unknown): void {
    const { instances, rejected, changed } = this.#reader.read(value)
    this.#report(rejected)
    if (instances.length === 0 && rejected.length > 0) {
      throw new TypeError(`every entry of the snapshot is invalid, the first: ${rejected[0]?.reason}`)
    }
    const staleSince = this.#staleSince
    this.#goodSince ??= this.#clock.now()
    this.#error = undefined
    this.#staleSince = undefined
    const before = this.instances.length
    if (instances.length > 0) {
      this.#endGrace()
      if (changed || before === 0) this.#apply(instances)
    } else if (before > 0) {
      this.#hold(instances)
    } else if (!this.seen) {
      this.#apply(instances)
    }
    if (staleSince !== undefined) this.#options.onRecovered?.(this.#clock.now() - staleSince)
  }

  #apply(instances: readonly Instance[]): void {
    this.#instances = instances
    this.#options.onInstances(instances)
    this.#ready.resolve()
  }

  /** Applies a drop to zero once it has lasted. */
  #hold(empty: readonly Instance[]): void {
    if (this.#emptyGrace === 0) this.#apply(empty)
    if (this.#grace || this.#emptyGrace === 0 || this.#emptyGrace === Infinity) return
    const grace = new AbortController()
    this.#grace = grace
    const end = (): void => {
      if (this.#grace !== grace) return
      this.#endGrace()
      this.#apply(empty)
    }
    this.#clock.sleep(this.#emptyGrace, grace.signal, { ref: false }).then(end, () => {})
  }

  #endGrace(): void {
    this.#grace?.abort()
    this.#grace = undefined
  }

  #fail(error: unknown): void {
    // Nobody knows whether it is still empty.
    this.#endGrace()
    // A snapshot alone is no recovery: a registry may tell its list and yet refuse to be watched.
    if (this.#goodSince !== undefined && this.#clock.now() - this.#goodSince >= MIN_WATCH) this.#failures = 0
    this.#goodSince = undefined
    this.#failures++
    this.#error = error ?? new Error('the source threw nothing')
    this.#options.onFailed?.(this.#error)
    if (this.#staleSince !== undefined) return
    this.#staleSince = this.#clock.now()
    this.#options.onStale?.(this.#error)
  }

  #report(rejected: readonly Rejected[]): void {
    const reasons = rejected.map(({ reason }) => reason)
    const key = reasons.toSorted().join('\n')
    if (key === this.#reported) return
    this.#reported = key
    if (rejected.length > 0) this.#options.onInvalid?.(rejected)
  }
}

/** Throws unless it is a source; says what to write for a list of urls, and for a function that was not called. */
export function checkIsSource(name: string, source: unknown): asserts source is Source {
  const rule = `${name} must have a method watch()`
  if (Array.isArray(source)) throw new TypeError(`${rule}: write fixed([…]) for a list, got ${quote(source)}`)
  if (typeof source === 'function' && !('watch' in source)) {
    throw new TypeError(`${rule}: call ${source.name || 'it'}(), got the function itself`)
  }
  checkMethods(name, source, ['watch'])
}

/** Returns how long a drop of the source to zero is held back. */
export function checkSource(name: string, source: Source): number {
  checkIsSource(name, source)
  const { emptyGrace = DEFAULT_EMPTY_GRACE } = source
  return checkNumber(`${name}.emptyGrace`, emptyGrace)
}
