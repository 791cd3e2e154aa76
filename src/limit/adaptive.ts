import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import type { Capacity } from './capacity.ts'
import type { AdaptiveOptions } from './policy.ts'

/** The shortest length of a window, in milliseconds. */
const WINDOW_MS = 200
/** The smallest number of results in a window. */
const MIN_SAMPLES = 20
/**
 * The shortest length of a window, as a multiple of the mean duration. So a window also contains slow calls that began
 * under its limit.
 */
const MIN_DURATIONS = 2
/** Up to this multiple of the unloaded duration, a service counts as healthy. */
const TOLERANCE = 1.25
/** One window multiplies the limit by at least this. */
const DEEPEST_CUT = 0.5
/** The weight of one window in the unloaded duration. */
const UNLOADED_WEIGHT = 0.3
/** The limit may grow only if at least this share of it was in use. Sheddable calls alone can use this share. */
const MIN_USED_SHARE = 0.8
/** In milliseconds: the time until the first probe, and the longest time between two probes. */
const FIRST_PROBE_MS = 1_000
const MAX_PROBE_INTERVAL_MS = 32_000
/**
 * A probe ends without a result after this many milliseconds, but not before this multiple of the unloaded duration.
 */
const PROBE_MS = 2_000
const PROBE_DURATIONS = 30

/**
 * A gradient limit. It compares the current duration of calls with their duration when few are in flight, which is
 * called unloaded.
 *
 *     limit ← limit × min(1, TOLERANCE × unloaded / now) + √limit
 *
 * The formula is Envoy's. The unloaded duration is measured whenever few calls are in flight. If that does not happen,
 * a probe measures it: from time to time, one window uses half the limit.
 */
export class AdaptiveCapacity implements Capacity {
  readonly #clock: Clock
  readonly #min: number
  readonly #max: number
  #limit: number
  /** The mean duration of calls when few are in flight, in milliseconds; 0 while it is unknown. */
  #unloaded = 0
  #probing = false
  #probeEvery = FIRST_PROBE_MS
  #probeAt: number

  #window = 0
  #since: number
  #peak = 0
  #answers = 0
  #drops = 0
  #logSum = 0

  constructor({ initial, min, max }: Readonly<Required<AdaptiveOptions>>, clock: Clock) {
    this.#clock = clock
    this.#limit = initial
    this.#min = min
    this.#max = max
    this.#since = clock.now()
    this.#probeAt = this.#since + FIRST_PROBE_MS
  }

  get limit(): number {
    return Math.floor(this.#probing ? Math.max(this.#limit / 2, this.#min) : this.#limit)
  }

  begin(inFlight: number): number {
    if (inFlight > this.#peak) this.#peak = inFlight
    return this.#window
  }

  end(mark: number, outcome: Outcome, ms: number): void {
    if (mark !== this.#window) return
    if (outcome === 'success') {
      this.#answers++
      this.#logSum += Math.log(Math.max(ms, 0.1))
    } else if (outcome === 'overload' || (outcome === 'failure' && this.#isSlow(ms))) {
      this.#drops++
    }
    if (this.#answers + this.#drops >= MIN_SAMPLES) this.#judge(this.#clock.now())
    else if (this.#probing) this.#endStalledProbe(this.#clock.now())
  }

  /**
   * The breaker handles fast failures. A failure that took longer than responses usually do is a timeout, or similar.
   */
  #isSlow(ms: number): boolean {
    return ms > this.#unloaded * TOLERANCE
  }

  #judge(now: number): void {
    // The geometric mean: a few calls that take a hundred times longer hardly change it.
    const mean = this.#answers > 0 ? Math.exp(this.#logSum / this.#answers) : 0
    if (now - this.#since < Math.max(WINDOW_MS, mean * MIN_DURATIONS)) return
    const idle = !this.#probing && this.#peak * 2 < this.#limit
    if (mean > 0) this.#updateUnloaded(mean, idle, now)
    // If less than half of the limit was in use, a lower limit would not have prevented the problems.
    if (!idle) this.#updateLimit(mean)
    this.#probing = !this.#probing && !idle && now >= this.#probeAt
    this.#openWindow(now)
  }

  /** Ends a probe that gets no responses. Otherwise it would keep the limit down. */
  #endStalledProbe(now: number): void {
    if (now - this.#since < Math.max(PROBE_MS, this.#unloaded * PROBE_DURATIONS)) return
    this.#probing = false
    this.#probeAt = now + this.#probeEvery
    this.#openWindow(now)
  }

  #updateUnloaded(mean: number, idle: boolean, now: number): void {
    const before = this.#unloaded || mean
    if (this.#probing || idle) {
      this.#unloaded = this.#probing ? mean : before + (mean - before) * UNLOADED_WEIGHT
      // With fewer calls in flight they became faster, so the earlier value was not unloaded. The next probe comes
      // soon.
      this.#probeEvery =
        mean * TOLERANCE < before ? FIRST_PROBE_MS : Math.min(this.#probeEvery * 2, MAX_PROBE_INTERVAL_MS)
      // The time is random, so that many clients of one service do not probe at the same time.
      this.#probeAt = now + this.#probeEvery * (0.75 + this.#clock.random() / 2)
    } else {
      this.#unloaded = Math.min(before, before + (mean - before) * UNLOADED_WEIGHT)
    }
  }

  #updateLimit(mean: number): void {
    const gradient = mean > 0 ? (TOLERANCE * this.#unloaded) / mean : 1
    // If the limit was not reached, it is unknown whether the service can take that many calls.
    const isTried = this.#peak >= Math.floor(this.#limit * MIN_USED_SHARE)
    const growth = isTried && this.#drops === 0 ? Math.sqrt(this.#limit) : 0
    // In proportion: one refusal among many changes little.
    const kept = 1 - (DEEPEST_CUT * this.#drops) / (this.#drops + this.#answers)
    const limit = this.#limit * Math.max(Math.min(gradient, kept, 1), DEEPEST_CUT) + growth
    this.#limit = Math.min(Math.max(limit, this.#min), this.#max)
  }

  #openWindow(now: number): void {
    this.#window++
    this.#since = now
    this.#peak = this.#answers = this.#drops = this.#logSum = 0
  }
}
