import type { Deadlines, Expiring } from '../deadlines.ts'
import { isLate } from '../verdict/time-limit.ts'

/** A request that waits for a connection. */
export interface ConnectWaiter {
  /** True if the request waits for its turn on an established connection, and not for a new connection. */
  readonly hasConnection: boolean
  /**
   * The clock's time, in milliseconds, at which the request left the queue of its pool; 0 if it never was in the
   * queue.
   */
  readonly leftQueueAt: number
  /** Called when the timeout has passed and no connection was established. */
  connectTimedOut(): void
}

/**
 * The timeout for establishing a connection (`timeout.connect`). It does not limit the wait for a connection that is
 * in use.
 */
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
    // `timeout.total` limits the wait for a connection in use.
    if (hasConnection) return
    const isEarly = this.#deadlines.clock.now() - leftQueueAt < this.#limit
    // The timer fired late because this process was busy. The connection gets the full timeout again, but only once.
    const isExcused = isLate(late) && !this.#isExcused
    if (isEarly || isExcused) {
      this.#isExcused ||= isExcused
      this.start()
    } else this.#waiter.connectTimedOut()
  }
}
