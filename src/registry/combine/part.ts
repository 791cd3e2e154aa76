import { Discovery } from '../discovery.ts'
import type { Instance, Source } from '../source.ts'
import type { CombineSettings } from './options.ts'

export interface PartOptions {
  readonly source: Source
  readonly service: string
  readonly settings: CombineSettings
  /** See {@link Source.emptyGrace}, whose value is the default. */
  readonly emptyGrace?: number
  /** Something about the part is different now. */
  readonly onChange: () => void
}

/**
 * One source within a combination. A failure of the part must not end the whole, so nobody outside can watch it
 * again: it has a {@link Discovery} of its own, which also keeps its last good instances.
 */
export class Part {
  readonly #discovery: Discovery
  readonly #options: PartOptions
  #waiting: AbortController | undefined
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
        this.#settle()
        onChange()
      },
      onStale: (error) => {
        settings.report(error, service)
        this.#wait()
        onChange()
      },
      onRecovered: onChange,
      onInvalid: (rejected) => {
        const text = `${rejected.length} invalid entries were dropped, the first: ${rejected[0]?.reason}`
        settings.report(new TypeError(text), service)
      },
    })
  }

  /** The last good instances; the same array until they change. */
  get instances(): readonly Instance[] {
    return this.#discovery.instances
  }

  get error(): unknown {
    return this.#discovery.error
  }

  get failing(): boolean {
    return this.error !== undefined
  }

  /** Has answered at least once. */
  get seen(): boolean {
    return this.#discovery.seen
  }

  /** Neither answered nor failed yet, and still worth waiting for. */
  get pending(): boolean {
    return !this.seen && !this.failing && !this.#overdue
  }

  /** Failing for longer than anyone is ready to wait. */
  get lost(): boolean {
    return this.failing && this.#overdue
  }

  start(): void {
    this.#wait()
    this.#discovery.start()
  }

  close(): void {
    this.#waiting?.abort()
    void this.#discovery.close()
  }

  #settle(): void {
    this.#waiting?.abort()
    this.#overdue = false
  }

  #wait(): void {
    this.#settle()
    const waiting = new AbortController()
    this.#waiting = waiting
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
