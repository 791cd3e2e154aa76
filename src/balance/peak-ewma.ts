import { checkNumber, checkObject } from '../options.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { leastOf } from './least-of.ts'
import { markOwn } from './own.ts'
import { perSet } from './per-set.ts'
import { Strikes } from './strikes.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'

export interface PeakEwmaOptions {
  /**
   * Milliseconds in which the memory of a latency fades to 1/e: smaller follows faster, larger is steadier.
   * @default 10_000
   */
  readonly decay?: number
  /**
   * Milliseconds after which an endpoint nobody chose gets a try when it is drawn, however slow it was when
   * last seen. One that failed waits that long for each failure in a row.
   * @default 30_000
   */
  readonly repick?: number
}

/**
 * A sample this many times the mean is an instance in trouble and counts at once. Smaller ones are the noise of
 * any queue: believing each of them makes many clients shun the same good instances together.
 */
const PEAK = 8

/** Up to this multiple of the mean of all, latencies are alike: what differs there is queues, counted already. */
const ALIKE = 1.15

/**
 * What was given up when it was overdue, as a hedge's loser is, would have taken longer, nobody knows how much.
 * Believing just the time it got, hedging would hide a slow instance from the balancer and pay for it forever.
 */
const OVERDUE = 4

/** Latencies below this, in ms, are all alike: what differs there is the client's own event loop. */
const FLOOR = 1

/** How much one attempt moves the mean over all endpoints, the guess for one not heard of yet. */
const PRIOR_SHARE = 0.01

/** What is known of one endpoint's speed and health. */
class Standing {
  /** Milliseconds; negative while nothing is known. */
  latency = -1
  /** When the endpoint was last heard of. */
  at = 0
  /** Made with the first failure: an endpoint in good standing is read in fewer steps. */
  strikes: Strikes | undefined = undefined
}

/**
 * Of two endpoints drawn at random, the one with the smaller product of latency squared and attempts in flight.
 * Latency is a moving average that jumps at once to a peak, and the age of what is in flight counts as latency
 * already seen. Failures and overload multiply the cost, so failing fast attracts nothing.
 *
 * @example
 * createClient({ service: 'users', source, balance: peakEwma({ decay: 5_000 }) })
 */
export function peakEwma(options: PeakEwmaOptions = {}): Balancer {
  checkObject('peakEwma', options, ['decay', 'repick'])
  const { decay = 10_000, repick = 30_000 } = options
  checkNumber('peakEwma.decay', decay, { exclusive: true })
  checkNumber('peakEwma.repick', repick, { exclusive: true })
  const standingOf = new WeakMap<Endpoint, Standing>()
  let prior = 0

  function lookUp(endpoint: Endpoint): Standing {
    let standing = standingOf.get(endpoint)
    if (!standing) standingOf.set(endpoint, (standing = new Standing()))
    return standing
  }

  /** In the order of the set: one look-up by index instead of one by object for each endpoint drawn. */
  const standingsOf = perSet((endpoints) => endpoints.map(lookUp))
  let standings: readonly Standing[] = []

  function cost(endpoint: Endpoint, { now }: Pick<PickRequest, 'now'>, index: number): number {
    const standing = standings[index] as Standing
    const { inFlight } = endpoint
    const { strikes } = standing
    let { latency } = standing
    let penalty = 1
    if (latency < 0) {
      latency = prior
    } else {
      if (inFlight === 0 && now - standing.at > repick * Math.max(1, strikes?.count ?? 0)) return 0
      // Idle time makes a slow endpoint look average again, never better than average.
      if (latency > prior) latency = prior + (latency - prior) * Math.exp((standing.at - now) / decay)
      if (strikes) penalty = strikes.penalty(now)
    }
    if (endpoint.pending > 0) latency = Math.max(latency, endpoint.pendingAge(now))
    latency = Math.max(latency, ALIKE * prior, FLOOR)
    // Squared, or an idle slow endpoint would look as good as a fast one that has work.
    return (latency * latency * (inFlight + 1) * penalty) / weightOf(endpoint)
  }

  const least = leastOf(2, cost)

  return markOwn({
    pick(endpoints, request) {
      standings = standingsOf(endpoints, request)
      return least(endpoints, request)
    },
    standing(endpoint, now) {
      standings = [lookUp(endpoint)]
      return { cost: cost(endpoint, { now }, 0) }
    },
    settled(endpoint, outcome, ms, now) {
      const standing = lookUp(endpoint)
      // A fast failure says nothing about speed, least of all as the first thing heard of an endpoint.
      if (outcome !== 'success' && standing.latency < 0) standing.latency = prior
      if (outcome === 'success') observe(standing, ms, now, decay)
      else if (ms > standing.latency) observe(standing, outcome === 'ignored' ? ms * OVERDUE : ms, now, decay)
      if (outcome === 'success') {
        prior = prior === 0 ? ms : prior + (ms - prior) * PRIOR_SHARE
        standing.strikes?.forgive(now - ms, now)
      } else if (outcome !== 'ignored') {
        standing.strikes ??= new Strikes()
        standing.strikes.add(now - ms, now)
      }
      standing.at = now
    },
  })
}

function observe(standing: Standing, ms: number, now: number, decay: number): void {
  const { latency, at } = standing
  if (latency < 0 || ms > latency * PEAK) {
    standing.latency = ms
  } else {
    const kept = Math.exp((at - now) / decay)
    standing.latency = latency * kept + ms * (1 - kept)
  }
}

factories.add(peakEwma)
