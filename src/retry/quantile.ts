import type { Clock } from '../clock.ts'

/** The limits of the buckets grow by the factor 2^(1/8). So an estimate is at most 9 % too high. */
const STEPS = 8
/** The last bucket ends at 2^20 ms. */
const BUCKETS = 20 * STEPS + 1
/** A latency is remembered for at least this many milliseconds, and at most twice that. */
const WINDOW_MS = 30_000

/** Estimates a latency quantile over the last 30 to 60 seconds, with constant memory. */
export class Quantile {
  readonly #clock: Clock
  #current: Uint32Array = new Uint32Array(BUCKETS)
  #previous: Uint32Array = new Uint32Array(BUCKETS)
  #count = 0
  #previousCount = 0
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  observe(ms: number): void {
    this.#turn()
    const bucket = ms <= 1 ? 0 : Math.min(Math.ceil(Math.log2(ms) * STEPS), BUCKETS - 1)
    this.#current[bucket]! += 1
    this.#count++
  }

  /**
   * Returns the upper limit of the bucket that contains the quantile, in milliseconds. Undefined with fewer than
   * `minimum` observations.
   */
  estimate(quantile: number, minimum: number): number | undefined {
    this.#turn()
    const count = this.#count + this.#previousCount
    if (count < minimum) return undefined
    let rank = Math.ceil(quantile * count)
    let bucket = 0
    for (; bucket < BUCKETS - 1; bucket++) {
      rank -= this.#current[bucket]! + this.#previous[bucket]!
      if (rank <= 0) break
    }
    return 2 ** (bucket / STEPS)
  }

  #turn(): void {
    const elapsed = this.#clock.now() - this.#since
    if (elapsed < WINDOW_MS) return
    const stale = this.#previous
    this.#previous = elapsed < 2 * WINDOW_MS ? this.#current : stale.fill(0)
    this.#previousCount = elapsed < 2 * WINDOW_MS ? this.#count : 0
    this.#current = this.#previous === stale ? this.#current.fill(0) : stale.fill(0)
    this.#count = 0
    this.#since += Math.floor(elapsed / WINDOW_MS) * WINDOW_MS
  }
}
