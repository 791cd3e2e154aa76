import type { Clock } from '../clock.ts'

/** Bucket edges grow by 2^(1/8), so an estimate is at most 9 % high. */
const STEPS = 8
/** Up to 2^20 ms. */
const BUCKETS = 20 * STEPS + 1
/** How long a latency is remembered, at least; at most twice that. */
const WINDOW_MS = 30_000

/** A running estimate of a latency quantile over the last half to whole minute, in constant space. */
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

  /** The upper edge of the bucket that holds the quantile; undefined with fewer than `minimum` observations. */
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
