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
  /** Throws to refuse an instance's url. */
  allow?: Allow | undefined
  service: string
  /** @default the system's clock */
  clock?: Clock
  /** Called with each snapshot that differs from the one before in more than its order. No callback may throw. */
  onInstances: (instances: readonly Instance[]) => void
  /** Called each time the source fails. */
  onFailed?: (error: unknown) => void
  /** Called when the source fails, once per outage. The known instances stay in use. */
  onStale?: (error: unknown) => void
  /** Called with the first good snapshot after an outage, which lasted `staleFor` ms. */
  onRecovered?: (staleFor: number) => void
  /** Called when entries of a snapshot are dropped, and again only when the dropped entries change. */
  onInvalid?: (rejected: readonly Rejected[]) => void
  /**
   * How long a drop to zero instances is ignored, in ms.
   * @default `source.emptyGrace`, or else 30_000
   */
  emptyGrace?: number
  /** The delays between the tries while the source fails. */
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

/**
 * In ms. If two watches in a row end as planned in less time, the next one starts only after this time, to
 * prevent a busy loop.
 */
const MIN_WATCH = 1000

/** The empty grace of a source that sets none, in ms. */
export const DEFAULT_EMPTY_GRACE = 30_000

/**
 * Runs one source for one service. Sources need not retry, deduplicate, validate or remember snapshots: this
 * class does.
 */
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
  #graceTimer: AbortController | undefined
  #failures = 0
  /** Since when the current watch has yielded snapshots, in ms on the clock. A failure resets it. */
  #goodSince: number | undefined
  #error: unknown
  #staleSince: number | undefined
  #reportedReasons = ''

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
    // `ready` may reject with no caller waiting for it.
    this.#ready.promise.catch(() => {})
  }

  /** Applies from the next snapshot on. */
  reconfigure(
    allow: DiscoveryOptions['allow'],
    emptyGrace: number = checkSource('source', this.#options.source),
  ): void {
    this.#emptyGrace = emptyGrace
    this.#reader = new SnapshotReader(allow)
  }

  /** Resolves with the first valid snapshot, even an empty one. Rejects if the discovery is closed before. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether a valid snapshot has arrived. */
  get seen(): boolean {
    return this.#instances !== undefined
  }

  /** The source's last error, or undefined while the source is healthy. */
  get error(): unknown {
    return this.#error
  }

  /** For how many ms the source has failed, or undefined while it is healthy. */
  get staleFor(): number | undefined {
    return this.#staleSince === undefined ? undefined : this.#clock.now() - this.#staleSince
  }

  /**
   * Whether no instance is known and a call should not wait for one: the source has failed more than once, or
   * for a reason that does not go away within a moment.
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

  /** Aborts the watch and waits for its end, with a limit. Drops what the source yields later. */
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
        // The discovery was closed. Nothing else ends retries without a limit.
      }
    }
  }

  async #watch(): Promise<void> {
    const { source, service } = this.#options
    // Each watch has a signal, so that an iterator without return() is stopped too.
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
      this.#holdBack(instances)
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

  /** Applies a drop to zero instances after the empty grace, unless instances come back before. */
  #holdBack(empty: readonly Instance[]): void {
    if (this.#emptyGrace === 0) this.#apply(empty)
    if (this.#graceTimer || this.#emptyGrace === 0 || this.#emptyGrace === Infinity) return
    const grace = new AbortController()
    this.#graceTimer = grace
    const end = (): void => {
      if (this.#graceTimer !== grace) return
      this.#endGrace()
      this.#apply(empty)
    }
    this.#clock.sleep(this.#emptyGrace, grace.signal, { ref: false }).then(end, () => {})
  }

  #endGrace(): void {
    this.#graceTimer?.abort()
    this.#graceTimer = undefined
  }

  #fail(error: unknown): void {
    // While the source fails, it is unknown whether the service is still empty.
    this.#endGrace()
    // One snapshot is not a recovery: a registry may return its list and then refuse the watch.
    if (this.#goodSince !== undefined && this.#clock.now() - this.#goodSince >= MIN_WATCH) this.#failures = 0
    this.#goodSince = undefined
    this.#failures++
    this.#error = error ?? new Error('the source threw null or undefined')
    this.#options.onFailed?.(this.#error)
    if (this.#staleSince !== undefined) return
    this.#staleSince = this.#clock.now()
    this.#options.onStale?.(this.#error)
  }

  #report(rejected: readonly Rejected[]): void {
    const reasons = rejected.map(({ reason }) => reason)
    const key = reasons.toSorted().join('\n')
    if (key === this.#reportedReasons) return
    this.#reportedReasons = key
    if (rejected.length > 0) this.#options.onInvalid?.(rejected)
  }
}

/** Throws unless `source` is a source. The error has a hint for a list of urls, and for a function that was not called. */
export function checkIsSource(name: string, source: unknown): asserts source is Source {
  const rule = `${name} must have a method watch()`
  if (Array.isArray(source)) throw new TypeError(`${rule}: write fixed([…]) for a list, got ${quote(source)}`)
  if (typeof source === 'function' && !('watch' in source)) {
    throw new TypeError(`${rule}: call ${source.name || 'it'}(), got the function itself`)
  }
  checkMethods(name, source, ['watch'])
}

/** Checks the source. Returns how long it holds back a drop to zero instances, in ms. */
export function checkSource(name: string, source: Source): number {
  checkIsSource(name, source)
  const { emptyGrace = DEFAULT_EMPTY_GRACE } = source
  return checkNumber(`${name}.emptyGrace`, emptyGrace)
}
