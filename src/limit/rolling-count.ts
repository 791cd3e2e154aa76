import type { Clock } from '../clock.ts'

const BUCKETS = 20

/** How often something happened over the last `window` ms, exact to one twentieth of it. */
export class RollingCount {
  readonly #clock: Clock
  readonly #start: number
  readonly #width: number
  readonly #counts = new Float64Array(BUCKETS)
  #sum = 0
  /** Buckets begun since the start. */
  #bucket = 0

  constructor(window: number, clock: Clock) {
    this.#clock = clock
    this.#start = clock.now()
    this.#width = window / BUCKETS
  }

  add(): void {
    this.#expire()
    this.#counts[this.#bucket % BUCKETS]! += 1
    this.#sum++
  }

  get sum(): number {
    this.#expire()
    return this.#sum
  }

  /** Every bucket that began since the last touch takes the place of one that has fallen out of the window. */
  #expire(): void {
    const bucket = Math.floor((this.#clock.now() - this.#start) / this.#width)
    const begun = Math.min(bucket - this.#bucket, BUCKETS)
    for (let i = 1; i <= begun; i++) {
      const index = (this.#bucket + i) % BUCKETS
      this.#sum -= this.#counts[index]!
      this.#counts[index] = 0
    }
    this.#bucket = Math.max(bucket, this.#bucket)
  }
}
