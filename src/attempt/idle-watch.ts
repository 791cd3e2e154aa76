import type { Clock } from '../clock.ts'

/**
 * Calls `onSilence` when a body has brought no data for `idle` milliseconds: at most once, never synchronously, and
 * not after `stop()`. It sleeps until the earliest time at which that can be so and then checks, so a chunk costs one
 * reading of the clock. Its timer does not keep the process alive; the socket of a reader does.
 */
export class IdleWatch {
  readonly #clock: Clock
  readonly #idle: number
  readonly #body: { readonly paused: boolean }
  readonly #onSilence: () => void
  readonly #stop = new AbortController()
  #lastData: number

  constructor(clock: Clock, idle: number, body: { readonly paused: boolean }, onSilence: () => void) {
    this.#clock = clock
    this.#idle = idle
    this.#body = body
    this.#onSilence = onSilence
    this.#lastData = clock.now()
    this.#wait(idle)
  }

  data(): void {
    this.#lastData = this.#clock.now()
  }

  stop(): void {
    this.#stop.abort()
  }

  #wait(ms: number): void {
    this.#clock.sleep(ms, this.#stop.signal, { ref: false }).then(
      // Data may have arrived that the event loop has not read yet.
      () => (this.#clock.poll ? this.#clock.poll(() => this.#check()) : this.#check()),
      () => {},
    )
  }

  #check(): void {
    if (this.#stop.signal.aborted) return
    // While the reader pauses the body, the server cannot send.
    const left = this.#body.paused ? this.#idle : this.#lastData + this.#idle - this.#clock.now()
    if (left > 0) this.#wait(left)
    else this.#onSilence()
  }
}
