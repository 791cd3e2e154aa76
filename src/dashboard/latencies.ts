/** Buckets for percentiles: eight to each doubling, 0.25 ms to 65 s and beyond. A percentile is at most 9 % too high. */
const FINE = 8
const FIRST = 0.25
const COUNT = FINE * 18 + 1
/** Fine buckets in one row of the heat map, each row √2 times as wide as the one before; the first row ends at 1 ms. */
const PER_ROW = FINE / 2
const FIRST_ROW = FINE * 2

/** Counts of latencies since the last look: 580 bytes, whatever the number of calls. */
export class Latencies {
  readonly #counts = new Uint32Array(COUNT)
  #total = 0

  add(ms: number): void {
    const bucket = ms > FIRST ? Math.min(Math.ceil(Math.log2(ms / FIRST) * FINE), COUNT - 1) : 0
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
  }

  /** The upper end of the bucket in which a share of the latencies ends, in ms; undefined without any. */
  percentile(share: number): number | undefined {
    if (this.#total === 0) return undefined
    let left = this.#total * share
    for (let bucket = 0; bucket < COUNT; bucket++) {
      left -= this.#counts[bucket] ?? 0
      if (left <= 0) return Number((FIRST * 2 ** (bucket / FINE)).toPrecision(3))
    }
    return undefined
  }

  /** Counts by latency: up to 1 ms, and then √2 times as far in each row, without the empty ones at the end. */
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
