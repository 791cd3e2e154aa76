import { setImmediate } from 'node:timers'
import { startTimer, systemClock, type Clock } from './clock.ts'

/**
 * The links of an entry in a list of deadlines. They are part of the entry, so that the list allocates nothing.
 * Only the list writes them.
 */
export interface ListPlace {
  older: Expiring | undefined
  newer: Expiring | undefined
  /** The list that contains the entry, or undefined. */
  waiting: Waiting | undefined
}

/** An entry with a deadline, in ms on the clock. */
export interface Expiring extends ListPlace {
  readonly deadline: number
  /** Called when the deadline has passed. `late` is how many ms the timer was late. */
  expire(late: number): void
}

/**
 * Uses one timer for all entries with the same timeout: the oldest entry is due first. Most calls end before
 * their timeout, and a separate timer for each would cost more than a pick.
 */
export class Deadlines {
  readonly clock: Clock
  readonly #byTime = new Map<number, Waiting>()
  #entries = 0
  #disarmsSoon = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `deadline` of the entry must be `ms` milliseconds from now. */
  add(entry: Expiring, ms: number): void {
    let waiting = this.#byTime.get(ms)
    if (!waiting) this.#byTime.set(ms, (waiting = new Waiting(this)))
    this.#entries++
    waiting.add(entry, ms)
  }

  /**
   * Called when an entry has been removed. The last one cancels the timers, because they would keep the process
   * alive. With the system's clock, this happens at the end of the current turn of the event loop: a caller
   * that makes one call after the other starts the next one in the turn in which the last one ends, and to
   * cancel and set timers for each would be 1/12 of the cost of a call. With any other clock it happens at
   * once, so that a test can count the remaining timers.
   */
  removed(): void {
    if (--this.#entries > 0 || this.#disarmsSoon) return
    if (this.clock !== systemClock) {
      this.#disarm()
      return
    }
    this.#disarmsSoon = true
    setImmediate(() => {
      this.#disarmsSoon = false
      if (this.#entries === 0) this.#disarm()
    })
  }

  #disarm(): void {
    for (const waiting of this.#byTime.values()) waiting.disarm()
  }
}

/**
 * A linked list of entries, the oldest first. Not a Set: with a Set, garbage collections of young objects kept
 * calls that had ended, and took ten times as long.
 */
class Waiting {
  readonly #deadlines: Deadlines
  #oldest: Expiring | undefined
  #newest: Expiring | undefined
  #cancelTimer: (() => void) | undefined

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  add(entry: Expiring, ms: number): void {
    entry.waiting = this
    entry.older = this.#newest
    if (this.#newest) this.#newest.newer = entry
    else this.#oldest = entry
    this.#newest = entry
    if (!this.#cancelTimer) this.#arm(ms)
  }

  delete(entry: Expiring): void {
    const { older, newer } = entry
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
    entry.older = entry.newer = entry.waiting = undefined
    this.#deadlines.removed()
  }

  disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #arm(ms: number): void {
    this.#cancelTimer = startTimer(this.#deadlines.clock, ms, () => this.#fire())
  }

  #fire(): void {
    const now = this.#deadlines.clock.now()
    try {
      // Timers have a resolution of one millisecond.
      for (let entry = this.#oldest; entry && entry.deadline - now < 1; entry = this.#oldest) {
        this.delete(entry)
        entry.expire(now - entry.deadline)
      }
    } finally {
      // Also after a handler threw: set the timer for the remaining entries.
      this.disarm()
      if (this.#oldest) this.#arm(Math.max(this.#oldest.deadline - now, 0))
    }
  }
}
