import { PRIORITIES, type Priority } from './priority.ts'

/** An entry of the queue; a link of its priority's list. */
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

/** First come, first served, within a priority. Linked both ways, so that leaving from the middle is O(1). */
class Line<T> {
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

/** The queue in front of a limit: one line for each priority. */
export class WaitingRoom<T> {
  size = 0
  readonly #lines: Readonly<Record<Priority, Line<T>>> = {
    critical: new Line(),
    default: new Line(),
    sheddable: new Line(),
  }

  push(priority: Priority, value: T): Waiter<T> {
    const waiter = new Waiter(priority, value)
    this.#lines[priority].push(waiter)
    this.size++
    return waiter
  }

  /** True if it was still waiting. */
  remove(waiter: Waiter<T>): boolean {
    if (!waiter.waiting) return false
    waiter.waiting = false
    this.#lines[waiter.priority].remove(waiter)
    this.size--
    return true
  }

  /** Whose turn it is. */
  get next(): Waiter<T> | undefined {
    const { critical, default: normal, sheddable } = this.#lines
    return critical.oldest ?? normal.oldest ?? sheddable.oldest
  }

  /** Who has to make room for a newcomer of this priority: the newest of the least important. */
  victimOf(priority: Priority): Waiter<T> | undefined {
    for (let rank = PRIORITIES.length - 1; rank > PRIORITIES.indexOf(priority); rank--) {
      const line = this.#lines[PRIORITIES[rank]!]
      if (line.newest) return line.newest
    }
    return undefined
  }

  /** True if somebody as important, or more, is waiting already. */
  isAhead(priority: Priority): boolean {
    if (this.size === 0) return false
    const { critical, default: normal, sheddable } = this.#lines
    if (critical.length > 0) return true
    if (priority === 'critical') return false
    return normal.length > 0 || (priority === 'sheddable' && sheddable.length > 0)
  }
}
