import type { Clock } from '../clock.ts'

/**
 * Notices when a body has been silent for too long. It sleeps until that can be so, and looks: a piece of data costs a
 * clock reading. Its sleep keeps no process alive, for whoever waits for data has a socket that does.
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
      // Data may lie in the socket that the event loop has not looked at since.
      () => (this.#clock.poll ? this.#clock.poll(() => this.#check()) : this.#check()),
      () => {},
    )
  }

  #check(): void {
    if (this.#stop.signal.aborted) return
    // A reader that takes its time is not a stalled server.
    const left = this.#body.paused ? this.#idle : this.#lastData + this.#idle - this.#clock.now()
    if (left > 0) this.#wait(left)
    else this.#onSilence()
  }
}
