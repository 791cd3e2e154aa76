export interface Timer {
  readonly at: number
  /** Timers of one time run in the order they were set. */
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/** A binary heap, the earliest timer first. Cancelled ones are dropped when they come up. */
export class TimerHeap {
  readonly #heap: Timer[] = []
  #order = 0
  #live = 0

  /** Timers that are still going to run. */
  get size(): number {
    return this.#live
  }

  add(at: number, run: () => void): () => void {
    const timer: Timer = { at, order: this.#order++, run, cancelled: false }
    this.#live++
    this.#push(timer)
    return () => {
      if (!timer.cancelled) this.#live--
      timer.cancelled = true
    }
  }

  /** Takes out the next timer due by `end`. */
  next(end: number): Timer | undefined {
    for (let first = this.#heap[0]; first && (first.cancelled || first.at <= end); first = this.#heap[0]) {
      this.#pop()
      if (first.cancelled) continue
      // From now on there is nothing left to cancel.
      first.cancelled = true
      this.#live--
      return first
    }
    return undefined
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]
      if (!above || before(above, timer)) break
      heap[index] = above
      index = parent
    }
    heap[index] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      const left = heap[child]
      const right = heap[child + 1]
      if (left && right && before(right, left)) child++
      const smaller = heap[child]
      if (!smaller || before(last, smaller)) break
      heap[index] = smaller
      index = child
    }
    heap[index] = last
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
