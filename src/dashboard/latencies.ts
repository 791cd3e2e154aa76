/**
 * Buckets for percentiles: eight for each doubling, from 0.25 ms to 65 s and above. A percentile is at most 9 %
 * too high.
 */
const FINE = 8
const FIRST = 0.25
const COUNT = FINE * 18 + 1
/**
 * How many of these buckets form one row of the heat map. Each row ends √2 times as high as the row before. The
 * first row ends at 1 ms.
 */
const PER_ROW = FINE / 2
const FIRST_ROW = FINE * 2

/** Counts latencies since the last frame, in 580 bytes for any number of calls. */
export class Latencies {
  readonly #counts = new Uint32Array(COUNT)
  #total = 0

  add(ms: number): void {
    const bucket = ms > FIRST ? Math.min(Math.ceil(Math.log2(ms / FIRST) * FINE), COUNT - 1) : 0
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
  }

  /** Returns the upper bound of the bucket that contains the percentile, in ms, or undefined without latencies. */
  percentile(share: number): number | undefined {
    if (this.#total === 0) return undefined
    let left = this.#total * share
    for (let bucket = 0; bucket < COUNT; bucket++) {
      left -= this.#counts[bucket] ?? 0
      if (left <= 0) return Number((FIRST * 2 ** (bucket / FINE)).toPrecision(3))
    }
    return undefined
  }

  /**
   * Returns counts by latency: the first row up to 1 ms, each further row √2 times as high. Empty rows at the
   * end are omitted.
   */
  rows(): number[] {
    const rows: number[] = []
    this.#counts.forEach((count, bucket) => {
      if (count === 0) return
      const row = Math.max(Math.ceil((bucket - FIRST_ROW) / PER_ROW), 0)
      while (rows.length <= row) rows.push(0)
      rows[row] = (rows[row] ?? 0) + count
    })
    return rows
  }
}
