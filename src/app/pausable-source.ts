import type { Clock } from '../clock.ts'
import { listenForCalls } from '../registry/call-listener.ts'
import { iterateOne } from '../registry/shared/one-watch.ts'
import type { Instance, Source } from '../registry/source.ts'

/**
 * A source whose watch can pause. During a pause, the registry holds no connection for it. The client keeps the
 * last known instances and what it has learned about them.
 */
export class PausableSource implements Source {
  readonly emptyGrace?: number
  readonly isOwn: boolean
  readonly #source: Source
  readonly #nameOf: (service: string) => string
  readonly #clock: Clock
  #pause = new AbortController()
  #wake: (() => void) | undefined
  #isPaused = false

  /** `nameOf` returns the name of a service in the registry. `onCall` is set if the service may be paused. */
  constructor(
    source: Source,
    nameOf: (service: string) => string,
    clock: Clock,
    onCall: (() => void) | undefined,
  ) {
    this.#source = source
    this.#clock = clock
    this.#nameOf = nameOf
    // The listener is also told of calls that the user makes through the client itself.
    if (onCall) {
      listenForCalls(this, () => {
        onCall()
        this.#resume()
      })
    }
    this.isOwn = source.isOwn === true
    if (source.emptyGrace !== undefined) this.emptyGrace = source.emptyGrace
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#pause.abort()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#pause = new AbortController()
    this.#wake?.()
  }

  async *watch(service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    while (!signal.aborted) {
      const paused = this.#pause.signal
      if (!paused.aborted) {
        try {
          const both = AbortSignal.any([signal, paused])
          const name = this.#nameOf(service)
          // Discovery checks the type of the snapshots.
          yield* iterateOne(this.#source, name, { signal: both, clock: this.#clock }) as AsyncGenerator<
            readonly Instance[]
          >
        } catch (error) {
          if (!paused.aborted) throw error
        }
        if (!paused.aborted) return
      }
      if (this.#isPaused) await this.#resumed(signal)
    }
  }

  #resumed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wake = wake
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', wake)
    })
  }
}
