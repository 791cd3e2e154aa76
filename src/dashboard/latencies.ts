/** Buckets, each √2 times as wide as the one before: 1 ms to 30 s and beyond. */
const COUNT = 32
const WIDTH = Math.SQRT2

/** Counts of latencies since the last look: 128 bytes, whatever the number of calls. */
export class Latencies {
  #counts = new Uint32Array(COUNT)
  #total = 0

  add(ms: number): void {
    const bucket = ms <= 1 ? 0 : Math.min(Math.ceil(Math.log(ms) / Math.log(WIDTH)), COUNT - 1)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
  }

  /** The upper end of the bucket in which a share of the latencies ends, in ms; undefined without any. */
  percentile(share: number): number | undefined {
    if (this.#total === 0) return undefined
    let left = this.#total * share
    for (let bucket = 0; bucket < COUNT; bucket++) {
      left -= this.#counts[bucket] ?? 0
      if (left <= 0) return Math.round(WIDTH ** bucket * 10) / 10
    }
    return undefined
  }

  /** The counts, without the empty buckets at the end; begins anew. */
  take(): number[] {
    const counts = this.#counts
    this.#counts = new Uint32Array(COUNT)
    this.#total = 0
    return Array.from(counts.subarray(0, counts.findLastIndex((count) => count > 0) + 1))
  }
}
