import type { Clock } from '../clock.ts'
import type { Service } from './service.ts'

/** Lets services rest that nobody has called for a while. It has a timer as long as there are any that do not rest. */
export class IdleServices {
  readonly #clock: Clock
  readonly #services: () => Iterable<Service>
  #timer: AbortController | undefined
  #isClosed = false

  constructor(clock: Clock, services: () => Iterable<Service>) {
    this.#clock = clock
    this.#services = services
  }

  /** `ms` without a call. */
  watch(ms: number): void {
    if (this.#timer || this.#isClosed) return
    const timer = (this.#timer = new AbortController())
    this.#clock.sleep(ms, timer.signal, { ref: false }).then(
      () => {
        this.#timer = undefined
        const now = this.#clock.now()
        let isAwake = false
        for (const service of this.#services()) {
          if (now - service.calledAt >= ms) service.rest()
          else isAwake = true
        }
        if (isAwake) this.watch(ms)
      },
      () => {},
    )
  }

  /** No timer is left, and none begins. */
  close(): void {
    this.#isClosed = true
    this.#timer?.abort()
    this.#timer = undefined
  }
}
