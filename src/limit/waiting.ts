import { PRIORITIES, type Priority } from './priority.ts'

/** An entry of the queue. The entries of one priority form a linked list. */
export class Waiter<T> {
  readonly priority: Priority
  readonly value: T
  before: Waiter<T> | undefined
  after: Waiter<T> | undefined
  waiting = true

  constructor(priority: Priority, value: T) {
    this.priority = priority
    this.value = value
  }
}

/** A first-in, first-out list. It is doubly linked, so that an entry in the middle can leave in O(1). */
class Fifo<T> {
  length = 0
  oldest: Waiter<T> | undefined
  newest: Waiter<T> | undefined

  push(waiter: Waiter<T>): void {
    waiter.before = this.newest
    if (this.newest) this.newest.after = waiter
    else this.oldest = waiter
    this.newest = waiter
    this.length++
  }

  remove(waiter: Waiter<T>): void {
    const { before, after } = waiter
    if (before) before.after = after
    else this.oldest = after
    if (after) after.before = before
    else this.newest = before
    waiter.before = waiter.after = undefined
    this.length--
  }
}

/** The queue in front of a limit, with one list for each priority. */
export class WaitingQueue<T> {
  size = 0
  readonly #fifos: Readonly<Record<Priority, Fifo<T>>> = {
    critical: new Fifo(),
    default: new Fifo(),
    sheddable: new Fifo(),
  }

  push(priority: Priority, value: T): Waiter<T> {
    const waiter = new Waiter(priority, value)
    this.#fifos[priority].push(waiter)
    this.size++
    return waiter
  }

  /** Returns false if the entry had already left the queue. */
  remove(waiter: Waiter<T>): boolean {
    if (!waiter.waiting) return false
    waiter.waiting = false
    this.#fifos[waiter.priority].remove(waiter)
    this.size--
    return true
  }

  /** The entry whose turn is next. */
  get next(): Waiter<T> | undefined {
    const { critical, default: normal, sheddable } = this.#fifos
    return critical.oldest ?? normal.oldest ?? sheddable.oldest
  }

  /**
   * Returns the entry to evict for a new call of this priority: the newest of the least important ones. Undefined if
   * all are at least as important.
   */
  toEvictFor(priority: Priority): Waiter<T> | undefined {
    for (let rank = PRIORITIES.length - 1; rank > PRIORITIES.indexOf(priority); rank--) {
      const fifo = this.#fifos[PRIORITIES[rank]!]
      if (fifo.newest) return fifo.newest
    }
    return undefined
  }

  /** True if an equally or more important call is waiting. */
  hasWaiterBefore(priority: Priority): boolean {
    if (this.size === 0) return false
    const { critical, default: normal, sheddable } = this.#fifos
    if (critical.length > 0) return true
    if (priority === 'critical') return false
    return normal.length > 0 || (priority === 'sheddable' && sheddable.length > 0)
  }
}
