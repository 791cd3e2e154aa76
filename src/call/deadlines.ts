import { startTimer, type Clock } from '../clock.ts'

/** Something that must be over by a time of the clock; it is its own node in a list of such. */
export interface Expiring {
  readonly deadline: number
  older: Expiring | undefined
  newer: Expiring | undefined
  expire(): void
}

/**
 * Calls that all have the same time to live, first begun first and so first due: one timer does for all of them
 * (issue 7). A list and not a Set: with a Set, collections of young objects kept dead calls and took ten times as long.
 */
export class Deadlines {
  readonly #clock: Clock
  #oldest: Expiring | undefined
  #newest: Expiring | undefined
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(call: Expiring, ms: number): void {
    call.older = this.#newest
    if (this.#newest) this.#newest.newer = call
    else this.#oldest = call
    this.#newest = call
    this.#cancelTimer ??= startTimer(this.#clock, ms, () => this.#fire())
  }

  /** The timer goes with the last one: it must not keep the process alive. */
  delete(call: Expiring): void {
    const { older, newer } = call
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
    call.older = call.newer = undefined
    if (this.#oldest) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #fire(): void {
    this.#cancelTimer = undefined
    const now = this.#clock.now()
    for (let call = this.#oldest; call; call = this.#oldest) {
      const left = call.deadline - now
      // Timers count whole milliseconds.
      if (left >= 1) {
        this.#cancelTimer = startTimer(this.#clock, left, () => this.#fire())
        return
      }
      call.expire()
    }
  }
}
