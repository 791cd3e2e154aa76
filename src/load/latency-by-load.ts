/** How much a new answer moves the mean of its bucket. */
const SHARE = 0.1

/** Milliseconds after which what was seen at some load says nothing any more. */
const FRESH = 10_000

/** Doubling: with 2^20 requests in flight at once, differences do not matter. */
const BUCKETS = 20

/**
 * How long answers take, depending on how much was in flight when their requests came: what a request may expect that comes now.
 * As Prequal has it, a mean of what was seen near the load of now; a bucket for each doubling of the load.
 */
export class LatencyByLoad {
  readonly #ms = new Float64Array(BUCKETS)
  readonly #at = new Float64Array(BUCKETS).fill(-Infinity)

  add(load: number, ms: number, now: number): void {
    const bucket = bucketOf(load)
    const isFresh = now - (this.#at[bucket] as number) <= FRESH
    const before = this.#ms[bucket] as number
    this.#ms[bucket] = isFresh ? before + (ms - before) * SHARE : ms
    this.#at[bucket] = now
  }

  /** Undefined when nothing was seen lately. */
  expected(load: number, now: number): number | undefined {
    const wanted = bucketOf(load)
    for (let away = 0; away < BUCKETS; away++) {
      for (const bucket of [wanted - away, wanted + away]) {
        if (now - (this.#at[bucket] ?? -Infinity) <= FRESH) return this.#ms[bucket]
      }
    }
    return undefined
  }
}

function bucketOf(load: number): number {
  return Math.min(Math.floor(Math.log2(Math.max(load, 1))), BUCKETS - 1)
}
