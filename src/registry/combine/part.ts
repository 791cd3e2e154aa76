import { Discovery } from '../discovery.ts'
import type { Instance, Source } from '../source.ts'
import type { CombineSettings } from './options.ts'

export interface PartOptions {
  readonly source: Source
  readonly service: string
  readonly settings: CombineSettings
  /** See {@link Source.emptyGrace}. The default is that of `source`. */
  readonly emptyGrace?: number
  /** Called when the state of the part has changed. */
  readonly onChange: () => void
}

/**
 * One source of a combination. A failed part does not end the combination, so the client cannot restart it. The
 * part therefore has its own {@link Discovery}, which restarts the source and keeps its last good instances.
 */
export class Part {
  readonly #discovery: Discovery
  readonly #options: PartOptions
  #patienceTimer: AbortController | undefined
  #overdue = false

  constructor(options: PartOptions) {
    const { source, service, settings, emptyGrace, onChange } = options
    this.#options = options
    this.#discovery = new Discovery({
      source,
      service,
      clock: settings.clock,
      ...(emptyGrace !== undefined && { emptyGrace }),
      onInstances: () => {
        this.#endPatience()
        onChange()
      },
      onStale: (error) => {
        settings.report(error, service)
        this.#startPatience()
        onChange()
      },
      onRecovered: onChange,
      onInvalid: (rejected) => {
        const text = `${rejected.length} invalid entries were dropped, the first: ${rejected[0]?.reason}`
        settings.report(new TypeError(text), service)
      },
    })
  }

  /** The last good instances. The array stays the same until they change. */
  get instances(): readonly Instance[] {
    return this.#discovery.instances
  }

  get error(): unknown {
    return this.#discovery.error
  }

  get failing(): boolean {
    return this.error !== undefined
  }

  /** Whether the source has answered at least once. */
  get seen(): boolean {
    return this.#discovery.seen
  }

  /** Whether the source has neither answered nor failed yet, and `patience` is not over. */
  get pending(): boolean {
    return !this.seen && !this.failing && !this.#overdue
  }

  /** Whether the source has failed for longer than `patience`. */
  get failedTooLong(): boolean {
    return this.failing && this.#overdue
  }

  start(): void {
    this.#startPatience()
    this.#discovery.start()
  }

  close(): void {
    this.#patienceTimer?.abort()
    void this.#discovery.close()
  }

  #endPatience(): void {
    this.#patienceTimer?.abort()
    this.#overdue = false
  }

  #startPatience(): void {
    this.#endPatience()
    const waiting = new AbortController()
    this.#patienceTimer = waiting
    const { settings, onChange } = this.#options
    settings.clock.sleep(settings.patience, waiting.signal, { ref: false }).then(
      () => {
        if (waiting.signal.aborted) return
        this.#overdue = true
        onChange()
      },
      () => {},
    )
  }
}
