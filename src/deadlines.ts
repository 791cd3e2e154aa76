import { setImmediate } from 'node:timers'
import { startTimer, systemClock, type Clock } from './clock.ts'

/**
 * The place of an entry in a list of deadlines. Each entry has the room for it, so that the list allocates nothing. Only the
 * list writes here.
 */
export interface ListPlace {
  older: Expiring | undefined
  newer: Expiring | undefined
  /** The list that the entry is in; undefined while it is in none. */
  waiting: Waiting | undefined
}

/** Something that must be over by a time of the clock. */
export interface Expiring extends ListPlace {
  readonly deadline: number
  /** Called when it is over time; `late` is how many ms the timer was held up. */
  expire(late: number): void
}

/**
 * One timer for all that have the same time to live: what began first is due first. Most of what calls wait
 * for comes in time, and a timer set and cleared for each costs more than a pick.
 */
export class Deadlines {
  readonly clock: Clock
  readonly #byTime = new Map<number, Waiting>()
  #entries = 0
  #isResting = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** `deadline` is `ms` from now. */
  add(entry: Expiring, ms: number): void {
    let waiting = this.#byTime.get(ms)
    if (!waiting) this.#byTime.set(ms, (waiting = new Waiting(this)))
    this.#entries++
    waiting.add(entry, ms)
  }

  /**
   * The timers go with the last entry: they must not keep the process alive. By the system's clock they go when nothing
   * waits at the end of a turn of the event loop: whoever asks for one thing after the other begins the next call
   * in the turn in which the last one ends, and setting and clearing timers for each is a twelfth of its cost.
   * Any other clock is told at once, so that a test can count what it has left.
   */
  left(): void {
    if (--this.#entries > 0 || this.#isResting) return
    if (this.clock !== systemClock) {
      this.#disarm()
      return
    }
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      if (this.#entries === 0) this.#disarm()
    })
  }

  #disarm(): void {
    for (const waiting of this.#byTime.values()) waiting.disarm()
  }
}

/**
 * A list, first begun first. Not a Set: with one, collections of young objects kept dead calls and took ten times as
 * long.
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
    this.#deadlines.left()
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
      // Timers count whole milliseconds.
      for (let entry = this.#oldest; entry && entry.deadline - now < 1; entry = this.#oldest) {
        this.delete(entry)
        entry.expire(now - entry.deadline)
      }
    } finally {
      // Also after somebody's handler threw: the others go on waiting, and no longer than they have to.
      this.disarm()
      if (this.#oldest) this.#arm(Math.max(this.#oldest.deadline - now, 0))
    }
  }
}
