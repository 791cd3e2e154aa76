import { LatencyByLoad } from './latency-by-load.ts'
import type { LoadReport } from './report.ts'

/** The names of two custom metrics: requests in flight, and expected latency in ms. */
export const IN_FLIGHT: string = 'in_flight'
export const LATENCY: string = 'latency'

/** Counts the requests of a server, and calculates rates once per window. It has no timer. */
export class LoadMeter {
  readonly #window: number
  readonly #latency = new LatencyByLoad()
  #since: number
  #inFlight = 0
  #finished = 0
  #failed = 0
  /** The rates of the last complete window, per second. */
  #rps: number | undefined
  #eps = 0

  constructor(window: number, now: number) {
    this.#window = window
    this.#since = now
  }

  /**
   * Counts a request that arrived. Returns how many requests are now in flight, including this one, for
   * `finished()`.
   */
  started(): number {
    return ++this.#inFlight
  }

  /**
   * Counts a request that ended `ms` ms after it arrived. `load` is what `started()` returned. `failed` is
   * undefined when the client did not wait for the answer.
   */
  finished(load: number, ms: number, now: number, failed: boolean | undefined): void {
    this.#inFlight--
    if (failed === undefined) return
    this.#finished++
    if (failed) this.#failed++
    else this.#latency.add(load, ms, now)
  }

  /** Starts a new window if the current one is over. Returns whether the rates have changed. */
  roll(now: number): boolean {
    const ms = now - this.#since
    if (ms < this.#window) return false
    this.#rps = (this.#finished / ms) * 1000
    this.#eps = (this.#failed / ms) * 1000
    this.#finished = 0
    this.#failed = 0
    this.#since = now
    return true
  }

  /**
   * Returns the rates of the last complete window, and the requests in flight without the one that is answered
   * now.
   */
  report(now: number): Pick<LoadReport, 'rps' | 'eps' | 'named'> {
    const inFlight = Math.max(this.#inFlight - 1, 0)
    const latency = this.#latency.expected(inFlight + 1, now)
    const named = new Map([[IN_FLIGHT, inFlight]])
    if (latency !== undefined) named.set(LATENCY, latency)
    return { ...(this.#rps !== undefined && { rps: this.#rps, eps: this.#eps }), named }
  }
}
