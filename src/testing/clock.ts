import type { Clock } from '../clock.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * A clock that stands still until it is advanced, with randomness from a seed: the same test, the same run.
 *
 * @example
 * const clock = new ManualClock()
 * const breaker = new CircuitBreaker({ openFor: 5_000, clock })
 * await clock.advance(5_000)
 */
export class ManualClock implements Clock {
  readonly epoch = 0
  #now = 0
  #order = 0
  #seed: number
  readonly #heap: Timer[] = []

  constructor({ seed = 1 }: { seed?: number } = {}) {
    this.#seed = seed >>> 0
  }

  now(): number {
    return this.#now
  }

  /** mulberry32: small, fast, and good enough to simulate with. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  timer(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), order: this.#order++, run: callback, cancelled: false }
    push(this.#heap, timer)
    return () => {
      timer.cancelled = true
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.timer(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** How many timers are waiting. */
  get timers(): number {
    return this.#heap.filter((timer) => !timer.cancelled).length
  }

  /** Moves time on by `ms`, running each timer at its time and what it sets in motion before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let next = this.#heap[0]; next && next.at <= end; next = this.#heap[0]) {
      pop(this.#heap)
      if (next.cancelled) continue
      this.#now = next.at
      next.run()
      await settled()
    }
    this.#now = end
  }
}

/** A tick queued from a microtask runs only once the whole microtask queue is empty. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve)
  })
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Timer[], timer: Timer): void {
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

function pop(heap: Timer[]): void {
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
