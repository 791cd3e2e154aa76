import type { Outcome } from '../observe/events.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { OutlierPolicy } from './outlier-policy.ts'

/** What one host did within an interval. */
export interface Tally {
  calls: number
  successes: number
  /** Sums over the successes: of the ms, and of their squares. */
  ms: number
  squares: number
}

/** Standard errors that a host must be away from the others: closer may be chance. */
const RATE_STANDARD_ERRORS = 3
const LATENCY_STANDARD_ERRORS = 2

/** Picks the hosts that stand out from the rest, worst first. Pure: what is done about it is for others. */
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
 * Among hosts that are alike and nearly perfect the deviation is next to nothing, and some host is always 1.9 of it away: one
 * failure would eject (Envoy has this bug). So there is a least distance, and one for what chance does to so few calls.
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

/** Against the median, because one stalled host would pull the mean up to itself. */
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

/** Hears of an ejection, with what the endpoint did in the interval, and for how many ms it is out. */
type OnEject = (endpoint: LiveEndpoint, tally: Tally, ms: number) => void

/** Compares the endpoints of a fleet at intervals, when one is touched, and ejects through its breaker. */
export class Outliers {
  readonly #policy: OutlierPolicy
  readonly #tallies = new Map<LiveEndpoint, Tally>()
  /** How many ejections an endpoint has to its name; each clean interval forgives one. */
  readonly #ejections = new WeakMap<LiveEndpoint, number>()
  readonly #onEject: OnEject
  #dueAt: number

  constructor(policy: OutlierPolicy, now: number, onEject: OnEject = () => {}) {
    this.#policy = policy
    this.#onEject = onEject
    this.#dueAt = now + policy.interval
  }

  /** Counts an attempt, and compares if an interval is over. */
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
      // Who was hardly asked, because it was out, has not shown anything.
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
