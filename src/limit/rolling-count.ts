const BUCKETS = 20

/**
 * Counts how often something happened in the last `window` milliseconds, with a precision of one twentieth of that
 * time.
 */
export class RollingCount {
  readonly #start: number
  readonly #width: number
  readonly #counts = new Float64Array(BUCKETS)
  #sum = 0
  /** The number of the current bucket, counted from the start. */
  #bucket = 0

  constructor(window: number, now: number) {
    this.#start = now
    this.#width = window / BUCKETS
  }

  add(now: number): void {
    this.#expire(now)
    this.#counts[this.#bucket % BUCKETS]! += 1
    this.#sum++
  }

  sum(now: number): number {
    this.#expire(now)
    return this.#sum
  }

  /** Clears the buckets that have left the window since the last call. */
  #expire(now: number): void {
    const bucket = Math.floor((now - this.#start) / this.#width)
    const begun = Math.min(bucket - this.#bucket, BUCKETS)
    for (let i = 1; i <= begun; i++) {
      const index = (this.#bucket + i) % BUCKETS
      this.#sum -= this.#counts[index]!
      this.#counts[index] = 0
    }
    this.#bucket = Math.max(bucket, this.#bucket)
  }
}
