/** The weight of a new answer in the mean of its bucket. */
const SHARE = 0.1

/** How long a measurement is used, in ms. */
const FRESH = 10_000

/** One bucket for each doubling of the load. From 2^19 requests in flight on, the load makes no difference. */
const BUCKETS = 20

/**
 * Estimates how long an answer to a request that arrives now takes. Keeps a mean of the latencies for each
 * doubling of the number of requests that were in flight when a request arrived. Prequal estimates latency in
 * this way.
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

  /** Returns undefined when there is no recent measurement. */
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
