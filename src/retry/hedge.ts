import type { Clock } from '../clock.ts'
import { checkNumber, checkObject, quote } from '../options.ts'
import { Quantile } from './quantile.ts'

/** When a second try joins a slow one. The first answer wins, and the other try is cancelled. */
export interface HedgeOptions {
  /**
   * When a try that has not answered gets company: after so many ms, or once it is slower than this share of
   * the recent ones.
   * @default { percentile: 0.99 }
   */
  after?: number | { percentile: number }
  /** How many more tries may join the first. @default 1 */
  max?: number
}

/** Below this many latencies, a percentile is a guess, and nothing is hedged. */
const MINIMUM = 50

/** When to hedge, for one route of one client: it learns the latencies it is to beat. */
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
        throw new TypeError(`${name}.after must be ms or { percentile }, got ${quote(after)}`)
      this.#after = checkNumber(`${name}.after`, after)
      this.#percentile = 1
      this.#latency = undefined
    }
  }

  /** An attempt took `ms`, or at least that long. */
  observe(ms: number): void {
    this.#latency?.observe(ms)
  }

  /** Milliseconds to wait before a hedge; undefined while too little is known. */
  delay(): number | undefined {
    return this.#after ?? this.#latency?.estimate(this.#percentile, MINIMUM)
  }
}
