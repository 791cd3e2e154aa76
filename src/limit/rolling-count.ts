const BUCKETS = 20

/** How often something happened over the last `window` ms, exact to one twentieth of it. */
export class RollingCount {
  readonly #start: number
  readonly #width: number
  readonly #counts = new Float64Array(BUCKETS)
  #sum = 0
  /** Buckets begun since the start. */
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

  /** Every bucket that began since the last touch takes the place of one that has fallen out of the window. */
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
