import { FastAttemptLoad } from './fast-attempt-load.ts'
import type { Strikes } from './strikes.ts'

/**
 * A latency above this many times the mean counts at once: the instance has a problem. Smaller increases are normal in
 * any queue. If they counted at once, many clients would avoid the same healthy instances at the same time.
 */
const PEAK_FACTOR = 8

/** The estimate weighs as much as this many responses. The first response includes the time for a new connection. */
const PRIOR_WEIGHT = 5
/** After this many responses the estimate is no longer used. */
const PRIOR_NEEDLESS_AFTER = 100

/** The speed and health of one endpoint, as this client has seen them. */
export class Standing {
  /** The mean latency in milliseconds; negative before the first result. */
  latency = -1
  /** The time of the last result, in milliseconds of the clock. */
  at = 0
  /** Created at the first failure. Until then, a pick reads less. */
  strikes: Strikes | undefined = undefined
  /** Created at the first fast response with status 400 or above. */
  fastAttempts: FastAttemptLoad | undefined = undefined
  /** The number of latencies in the mean. */
  #answers = 0

  /** Returns the expected latency in milliseconds. `prior` is the estimate for an endpoint without results. */
  expected(prior: number): number {
    if (this.#answers >= PRIOR_NEEDLESS_AFTER) return this.latency
    return (this.latency * this.#answers + prior * PRIOR_WEIGHT) / (this.#answers + PRIOR_WEIGHT)
  }

  observe(ms: number, now: number, decay: number): void {
    const { latency } = this
    this.#answers++
    if (latency < 0 || ms > latency * PEAK_FACTOR) {
      this.latency = ms
    } else {
      // The mean of the first few latencies, then a moving average.
      const kept = Math.min(Math.exp((this.at - now) / decay), 1 - 1 / this.#answers)
      this.latency = latency * kept + ms * (1 - kept)
    }
  }

  /** Counts a fast response with status 400 or above as load for the usual duration. */
  hold(ms: number, now: number, prior: number): void {
    const usual = Math.max(this.latency, prior)
    if (ms < usual) (this.fastAttempts ??= new FastAttemptLoad()).add(now, usual)
  }
}
