import { LatencyByLoad } from './latency-by-load.ts'
import type { LoadReport } from './report.ts'

/** What is in flight, and the answers to it, as the names of two metrics. */
export const IN_FLIGHT: string = 'in_flight'
export const LATENCY: string = 'latency'

/** Counts what a server does, and says once per window what that comes to. It owns no timer. */
export class LoadMeter {
  readonly #window: number
  readonly #latency = new LatencyByLoad()
  #since: number
  #inFlight = 0
  #finished = 0
  #failed = 0
  /** Of the last whole window. */
  #rps: number | undefined
  #eps = 0

  constructor(window: number, now: number) {
    this.#window = window
    this.#since = now
  }

  /** A request came. Returns how many are there now, itself included: `finished` wants to know it. */
  started(): number {
    return ++this.#inFlight
  }

  /** It is over, `ms` after it came; `load` is what `started` said. `failed` is undefined when nobody waited for the answer. */
  finished(load: number, ms: number, now: number, failed: boolean | undefined): void {
    this.#inFlight--
    if (failed === undefined) return
    this.#finished++
    if (failed) this.#failed++
    else this.#latency.add(load, ms, now)
  }

  /** Whether a window has come to its end since the last call, and its rates are new. */
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

  /** Its own numbers: the rates of the last whole window, and what is in flight but for the request that is answered now. */
  report(now: number): Pick<LoadReport, 'rps' | 'eps' | 'named'> {
    const inFlight = Math.max(this.#inFlight - 1, 0)
    const latency = this.#latency.expected(inFlight + 1, now)
    const named = new Map([[IN_FLIGHT, inFlight]])
    if (latency !== undefined) named.set(LATENCY, latency)
    return { ...(this.#rps !== undefined && { rps: this.#rps, eps: this.#eps }), named }
  }
}
