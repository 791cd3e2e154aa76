import type { Outcome } from '../observe/events.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { OutlierPolicy } from './outlier-policy.ts'

/** The results of one host within an interval. */
export interface Tally {
  calls: number
  successes: number
  /** The sum of the durations of successes in ms, and the sum of their squares. */
  ms: number
  squares: number
}

/** A host must differ from the others by this many standard errors. A smaller difference may be chance. */
const RATE_STANDARD_ERRORS = 3
const LATENCY_STANDARD_ERRORS = 2

/** Returns the hosts that are outliers, worst first. */
export function findOutliers<Host>(tallies: ReadonlyMap<Host, Tally>, policy: OutlierPolicy): Host[] {
  const busy = [...tallies].filter(([, tally]) => tally.calls >= policy.minimumCalls)
  const each = busy.map(([, tally]) => tally)
  const comparable = busy.length >= policy.minimumHosts
  const failsMore = comparable ? makeRateTest(each, policy) : never
  const isSlower = comparable ? makeLatencyTest(each, policy) : never
  return busy
    .filter(([, tally]) => 1 - rate(tally) >= policy.failureShare || failsMore(tally) || isSlower(tally))
    .toSorted(([, a], [, b]) => rate(a) - rate(b) || mean(b) - mean(a))
    .map(([host]) => host)
}

function never(): boolean {
  return false
}

/**
 * Returns a function that tells whether a host succeeds less often than the others. The standard deviation alone is not enough:
 * if all hosts are nearly perfect, it is tiny, and a single failure would eject a host (Envoy has this bug). So the distance
 * must also be above `margin`, and above what chance does with so few calls.
 */
function makeRateTest(tallies: readonly Tally[], policy: OutlierPolicy): (tally: Tally) => boolean {
  const rates = tallies.map(rate)
  const average = rates.reduce((sum, one) => sum + one, 0) / rates.length
  const variance = rates.reduce((sum, one) => sum + (one - average) ** 2, 0) / rates.length
  const distance = Math.max(policy.deviations * Math.sqrt(variance), policy.rateMargin)
  return (tally) => {
    const chance = RATE_STANDARD_ERRORS * Math.sqrt((average * (1 - average)) / tally.calls)
    const isFailing = tally.calls - tally.successes >= policy.minimumFailures
    return isFailing && rate(tally) < average - Math.max(distance, chance)
  }
}

/**
 * Returns a function that tells whether a host is slower than the others. Compares with the median, because one stalled
 * host would raise the mean.
 */
function makeLatencyTest(tallies: readonly Tally[], policy: OutlierPolicy): (tally: Tally) => boolean {
  const sorted = tallies.map(mean).toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1] ?? Infinity
  const ceiling = Math.max(median * policy.latencyFactor, median + policy.latencyMargin)
  return (tally) => {
    const { successes, squares } = tally
    if (successes < policy.minimumCalls || mean(tally) <= ceiling) return false
    const variance = Math.max(0, squares / successes - mean(tally) ** 2)
    return mean(tally) - LATENCY_STANDARD_ERRORS * Math.sqrt(variance / successes) > ceiling
  }
}

function rate({ calls, successes }: Tally): number {
  return successes / calls
}

function mean({ successes, ms }: Tally): number {
  return successes === 0 ? 0 : ms / successes
}

/** Called synchronously at each ejection, with the results of the interval and the length of the ejection in ms. */
type OnEject = (endpoint: LiveEndpoint, tally: Tally, ms: number) => void

/**
 * Compares the endpoints of a fleet and ejects outliers by opening their breaker. It has no timer: the first attempt
 * that ends after an interval triggers it.
 */
export class Outliers {
  readonly #policy: OutlierPolicy
  readonly #tallies = new Map<LiveEndpoint, Tally>()
  /** The number of ejections of an endpoint. Each interval without one lowers it by one. */
  readonly #ejections = new WeakMap<LiveEndpoint, number>()
  readonly #onEject: OnEject
  #dueAt: number

  constructor(policy: OutlierPolicy, now: number, onEject: OnEject = () => {}) {
    this.#policy = policy
    this.#onEject = onEject
    this.#dueAt = now + policy.interval
  }

  /** Counts an attempt, and compares the endpoints if the interval is over. */
  onSettled(
    endpoint: LiveEndpoint,
    outcome: Outcome,
    ms: number,
    now: number,
    all: readonly LiveEndpoint[],
  ): void {
    if (outcome !== 'ignored') this.#count(endpoint, outcome, ms)
    if (now < this.#dueAt) return
    this.#dueAt = now + this.#policy.interval
    this.#compare(now, all)
    this.#tallies.clear()
  }

  #count(endpoint: LiveEndpoint, outcome: Outcome, ms: number): void {
    let tally = this.#tallies.get(endpoint)
    if (!tally) this.#tallies.set(endpoint, (tally = { calls: 0, successes: 0, ms: 0, squares: 0 }))
    tally.calls++
    if (outcome !== 'success') return
    tally.successes++
    tally.ms += ms
    tally.squares += ms * ms
  }

  #compare(now: number, all: readonly LiveEndpoint[]): void {
    const outliers = findOutliers(this.#tallies, this.#policy)
    for (const [endpoint, { calls }] of this.#tallies) {
      const ejections = this.#ejections.get(endpoint) ?? 0
      // An endpoint that had few calls, because it was ejected, has not shown that it is good.
      const isClean = calls >= this.#policy.minimumCalls && !outliers.includes(endpoint)
      if (ejections > 0 && isClean) this.#ejections.set(endpoint, ejections - 1)
    }
    const allowed = Math.max(1, Math.floor(all.length * this.#policy.maxEjected))
    let out = all.filter((endpoint) => !endpoint.isInstanceBreakerClosed()).length
    for (const endpoint of outliers) {
      if (out >= allowed) return
      if (endpoint.removed || !endpoint.isInstanceBreakerClosed()) continue
      const ejections = (this.#ejections.get(endpoint) ?? 0) + 1
      this.#ejections.set(endpoint, ejections)
      const ms = Math.min(this.#policy.ejectFor * ejections, this.#policy.maxEjectFor)
      const tally = this.#tallies.get(endpoint)
      endpoint.eject(now, ms)
      if (tally) this.#onEject(endpoint, tally, ms)
      out++
    }
  }
}
