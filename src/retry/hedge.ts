import type { Clock } from '../clock.ts'
import { checkNumber, checkObject, quote } from '../options.ts'
import { Quantile } from './quantile.ts'

/** When a second try is started beside a slow one. The first response wins, and the other try is cancelled. */
export interface HedgeOptions {
  /**
   * When to start another try: after this many milliseconds without a response, or when the try is slower than this
   * share of the recent ones.
   * @default { percentile: 0.99 }
   */
  after?: number | { percentile: number }
  /** The maximum number of further tries beside the first. @default 1 */
  max?: number
}

/** With fewer latencies than this, a percentile is not reliable, and there are no hedges. */
const MIN_LATENCIES = 50

/** Decides when to hedge. Each route of a client has its own, which learns the latencies. */
export class Hedge {
  readonly max: number
  readonly #after: number | undefined
  readonly #percentile: number
  readonly #latency: Quantile | undefined

  constructor(options: HedgeOptions, clock: Clock, name: string = 'hedge') {
    checkObject(name, options, ['after', 'max'])
    const { after = { percentile: 0.99 }, max = 1 } = options
    this.max = checkNumber(`${name}.max`, max, { min: 1, integer: true })
    if (typeof after === 'object') {
      checkObject(`${name}.after`, after, ['percentile'])
      this.#percentile = checkNumber(`${name}.after.percentile`, after.percentile, {
        exclusive: true,
        max: 1,
      })
      this.#after = undefined
      this.#latency = new Quantile(clock)
    } else {
      if (typeof after !== 'number')
        throw new TypeError(
          `${name}.after must be a number of milliseconds or { percentile }, got ${quote(after)}`,
        )
      this.#after = checkNumber(`${name}.after`, after)
      this.#percentile = 1
      this.#latency = undefined
    }
  }

  /** Reports an attempt that took `ms` milliseconds, or at least that long. */
  observe(ms: number): void {
    this.#latency?.observe(ms)
  }

  /** Milliseconds to wait before a hedge; undefined while too few latencies are known. */
  delay(): number | undefined {
    return this.#after ?? this.#latency?.estimate(this.#percentile, MIN_LATENCIES)
  }
}
