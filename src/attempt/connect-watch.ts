import type { Deadlines, Expiring } from '../deadlines.ts'
import { isLate } from '../verdict/limit.ts'

/** What waits for a connection. */
export interface ConnectWaiter {
  /** Whether it waits for a connection of our own pool that others use, or for a turn on one that is established. */
  readonly hasConnection: boolean
  /** When it was given to a connection after waiting for one; 0 if it did not have to wait. */
  readonly leftQueueAt: number
  /** No connection was established in time. */
  connectTimedOut(): void
}

/** Bounds the time in which a connection is established, and no other wait. */
export class ConnectWatch implements Expiring {
  deadline: number = Infinity
  older: Expiring['older'] = undefined
  newer: Expiring['newer'] = undefined
  waiting: Expiring['waiting'] = undefined
  readonly #deadlines: Deadlines
  readonly #limit: number
  readonly #waiter: ConnectWaiter
  #isExcused = false

  constructor(deadlines: Deadlines, limit: number, waiter: ConnectWaiter) {
    this.#deadlines = deadlines
    this.#limit = limit
    this.#waiter = waiter
  }

  start(): void {
    if (this.waiting) return
    this.deadline = this.#deadlines.clock.now() + this.#limit
    this.#deadlines.add(this, this.#limit)
  }

  stop(): void {
    this.waiting?.delete(this)
  }

  expire(late: number): void {
    const { hasConnection, leftQueueAt } = this.#waiter
    // It waits for its turn, which `total` bounds.
    if (hasConnection) return
    const isEarly = this.#deadlines.clock.now() - leftQueueAt < this.#limit
    // This process did not look in time: once, the connection gets its whole time again.
    const isExcused = isLate(late) && !this.#isExcused
    if (isEarly || isExcused) {
      this.#isExcused ||= isExcused
      this.start()
    } else this.#waiter.connectTimedOut()
  }
}
