import type { Clock } from '../clock.ts'
import { listenForCalls } from '../registry/call-listener.ts'
import { iterateOne } from '../registry/shared/one-watch.ts'
import type { Instance, Source } from '../registry/source.ts'

/**
 * A source whose watch can rest: while it does, the registry holds no connection for it, and the client keeps the last known
 * instances with all it has learnt about them.
 */
export class RestingSource implements Source {
  readonly emptyGrace?: number
  readonly isOwn: boolean
  readonly #source: Source
  readonly #nameOf: (service: string) => string
  readonly #clock: Clock
  #rest = new AbortController()
  #wake: (() => void) | undefined
  #isResting = false

  /** `nameOf` is the name that the registry has for a service; `onCall` is for one that may rest. */
  constructor(
    source: Source,
    nameOf: (service: string) => string,
    clock: Clock,
    onCall: (() => void) | undefined,
  ) {
    this.#source = source
    this.#clock = clock
    this.#nameOf = nameOf
    // Also of one that the user makes through the client itself.
    if (onCall) {
      listenForCalls(this, () => {
        onCall()
        this.#awaken()
      })
    }
    this.isOwn = source.isOwn === true
    if (source.emptyGrace !== undefined) this.emptyGrace = source.emptyGrace
  }

  rest(): void {
    if (this.#isResting) return
    this.#isResting = true
    this.#rest.abort()
  }

  #awaken(): void {
    if (!this.#isResting) return
    this.#isResting = false
    this.#rest = new AbortController()
    this.#wake?.()
  }

  async *watch(service: string, { signal }: { signal: AbortSignal }): AsyncGenerator<readonly Instance[]> {
    while (!signal.aborted) {
      const resting = this.#rest.signal
      if (!resting.aborted) {
        try {
          const both = AbortSignal.any([signal, resting])
          const name = this.#nameOf(service)
          // Discovery checks what they are.
          yield* iterateOne(this.#source, name, { signal: both, clock: this.#clock }) as AsyncGenerator<
            readonly Instance[]
          >
        } catch (error) {
          if (!resting.aborted) throw error
        }
        if (!resting.aborted) return
      }
      if (this.#isResting) await this.#awake(signal)
    }
  }

  #awake(signal: AbortSignal): Promise<void> {
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
