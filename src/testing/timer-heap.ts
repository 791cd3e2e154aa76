interface Timer {
  readonly at: number
  /** Timers with the same time run in the order in which they were set. */
  readonly order: number
  readonly run: () => void
  /** The index in the heap, or -1 after removal. */
  index: number
}

/**
 * A binary heap of timers, the earliest first. A cancelled timer is removed at once, because most timers are
 * timeouts that are cancelled, and thousands of them would slow everything down.
 */
export class TimerHeap {
  readonly #heap: Timer[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** Adds a timer. The returned function cancels it. */
  add(at: number, run: () => void): () => void {
    const timer: Timer = { at, order: this.#order++, run, index: this.#heap.length }
    this.#heap.push(timer)
    this.#rise(timer)
    return () => this.#remove(timer)
  }

  /** Removes and returns the next timer that is due by `end`, or returns undefined. */
  next(end: number): { readonly at: number; readonly run: () => void } | undefined {
    const first = this.#heap[0]
    if (!first || first.at > end) return undefined
    this.#remove(first)
    return first
  }

  #remove(timer: Timer): void {
    const { index } = timer
    if (index < 0) return
    timer.index = -1
    const last = this.#heap.pop()
    if (!last || last === timer) return
    this.#place(last, index)
    this.#rise(last)
    this.#sink(last)
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer
    timer.index = index
  }

  #rise(timer: Timer): void {
    let { index } = timer
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.#heap[parent]
      if (!above || before(above, timer)) break
      this.#place(above, index)
      index = parent
    }
    this.#place(timer, index)
  }

  #sink(timer: Timer): void {
    let { index } = timer
    for (;;) {
      const left = this.#heap[2 * index + 1]
      const right = this.#heap[2 * index + 2]
      const child = left && right && before(right, left) ? right : left
      if (!child || before(timer, child)) break
      const below = child.index
      this.#place(child, index)
      index = below
    }
    this.#place(timer, index)
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
