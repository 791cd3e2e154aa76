import type { Clock } from '../clock.ts'
import type { Service } from './service.ts'

/**
 * Pauses services that have had no call for a while: only their sources, not their pools or breakers. It has one timer,
 * from a call until all services are paused.
 */
export class IdleServices {
  readonly #clock: Clock
  readonly #services: () => Iterable<Service>
  #timer: AbortController | undefined
  #isClosed = false

  constructor(clock: Clock, services: () => Iterable<Service>) {
    this.#clock = clock
    this.#services = services
  }

  /** Starts the timer, unless it runs. `ms` is the time without a call after which a service is paused. */
  startTimer(ms: number): void {
    if (this.#timer || this.#isClosed) return
    const timer = (this.#timer = new AbortController())
    this.#clock.sleep(ms, timer.signal, { ref: false }).then(
      () => {
        this.#timer = undefined
        const now = this.#clock.now()
        let isActive = false
        for (const service of this.#services()) {
          if (now - service.calledAt >= ms) service.pause()
          else isActive = true
        }
        if (isActive) this.startTimer(ms)
      },
      () => {},
    )
  }

  /** Cancels the timer, and prevents new ones. */
  close(): void {
    this.#isClosed = true
    this.#timer?.abort()
    this.#timer = undefined
  }
}
