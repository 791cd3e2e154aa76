import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import type { Capacity } from './capacity.ts'
import type { AdaptiveOptions } from './policy.ts'

/** A window lasts at least this long, in ms, … */
const WINDOW_MS = 200
/** … and this many durations, … */
const SAMPLES = 20
/** … and this many durations' time. A limit is judged by calls that began under it, and not only the quick ones. */
const DURATIONS = 2
/** How much slower than unloaded is still taken for healthy. */
const TOLERANCE = 1.25
/** The deepest cut a window can make. */
const DEEPEST_CUT = 0.5
/** What one window adds to what is known about the unloaded service. */
const BELIEF = 0.3
/** What share of the limit must have been in use before it may grow; sheddable calls alone can reach it. */
const IN_USE = 0.8
/** The first probe's distance from the start, and the longest between two, in ms. */
const FIRST_PROBE = 1_000
const LAST_PROBE = 32_000
/** A probe without result ends after this long, in ms, and this many unloaded durations' time. */
const PROBE_MS = 2_000
const PROBE_DURATIONS = 30

/**
 * A gradient limit: it compares how long calls take with how long they take when there are few of them.
 *
 *     limit ← limit × min(1, TOLERANCE × unloaded / now) + √limit
 *
 * The form is Envoy's. What is unloaded is learnt whenever little is in flight anyway; under steady pressure, a
 * window at half the limit is taken for it from time to time.
 */
export class AdaptiveCapacity implements Capacity {
  readonly #clock: Clock
  readonly #min: number
  readonly #max: number
  #limit: number
  /** Mean duration of calls when the service has little to do, in ms; 0 is unknown. */
  #unloaded = 0
  #probing = false
  #probeEvery = FIRST_PROBE
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
    this.#probeAt = this.#since + FIRST_PROBE
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
    if (this.#answers + this.#drops >= SAMPLES) this.#judge(this.#clock.now())
    else if (this.#probing) this.#giveUp(this.#clock.now())
  }

  /** A quick failure is the breaker's business; one that took longer than answers do is a timeout, or as bad. */
  #isSlow(ms: number): boolean {
    return ms > this.#unloaded * TOLERANCE
  }

  #judge(now: number): void {
    // The geometric mean: a few calls that take a hundred times longer hardly move it.
    const mean = this.#answers > 0 ? Math.exp(this.#logSum / this.#answers) : 0
    if (now - this.#since < Math.max(WINDOW_MS, mean * DURATIONS)) return
    const idle = !this.#probing && this.#peak * 2 < this.#limit
    if (mean > 0) this.#learn(mean, idle, now)
    // Whatever went wrong with less than half of the limit in use, a lower limit would not have helped.
    if (!idle) this.#follow(mean)
    this.#probing = !this.#probing && !idle && now >= this.#probeAt
    this.#open(now)
  }

  /** A probe that gets no answers must not hold the limit down. */
  #giveUp(now: number): void {
    if (now - this.#since < Math.max(PROBE_MS, this.#unloaded * PROBE_DURATIONS)) return
    this.#probing = false
    this.#probeAt = now + this.#probeEvery
    this.#open(now)
  }

  #learn(mean: number, idle: boolean, now: number): void {
    const before = this.#unloaded || mean
    if (this.#probing || idle) {
      this.#unloaded = this.#probing ? mean : before + (mean - before) * BELIEF
      // Less in flight made it faster: that was not unloaded yet, look again soon.
      this.#probeEvery = mean * TOLERANCE < before ? FIRST_PROBE : Math.min(this.#probeEvery * 2, LAST_PROBE)
      // Jittered, so that many clients of one service do not probe in step.
      this.#probeAt = now + this.#probeEvery * (0.75 + this.#clock.random() / 2)
    } else {
      this.#unloaded = Math.min(before, before + (mean - before) * BELIEF)
    }
  }

  #follow(mean: number): void {
    const gradient = mean > 0 ? (TOLERANCE * this.#unloaded) / mean : 1
    // A limit that is not reached has not been tried out: it may be far past the knee already.
    const isTried = this.#peak >= Math.floor(this.#limit * IN_USE)
    const growth = isTried && this.#drops === 0 ? Math.sqrt(this.#limit) : 0
    // In proportion: one refusal among many does little.
    const kept = 1 - (DEEPEST_CUT * this.#drops) / (this.#drops + this.#answers)
    const limit = this.#limit * Math.max(Math.min(gradient, kept, 1), DEEPEST_CUT) + growth
    this.#limit = Math.min(Math.max(limit, this.#min), this.#max)
  }

  #open(now: number): void {
    this.#window++
    this.#since = now
    this.#peak = this.#answers = this.#drops = this.#logSum = 0
  }
}
