import { checkNumber, checkObject } from '../options.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { leastOf } from './least-of.ts'
import { markOwn } from './own.ts'
import { perSet } from './per-set.ts'
import { Standing } from './standing.ts'
import { Strikes } from './strikes.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'

/** Options of `peakEwma()`. */
export interface PeakEwmaOptions {
  /**
   * Milliseconds in which the memory of a latency fades to 1/e: smaller follows faster, larger is steadier.
   * @default 10_000
   */
  readonly decay?: number
  /**
   * Milliseconds after which an endpoint that was not picked gets one try, however slow it was when
   * last seen. One that failed waits that long for each failure in a row.
   * @default 30_000
   */
  readonly repick?: number
}

/** Up to this multiple of the mean of all, latencies are alike: what differs there is queues, counted already. */
const ALIKE = 1.15

/**
 * A hedged request that lost was cancelled while it was already slow. Its real latency is unknown.
 * Believing just the time it got, hedging would hide a slow instance from the balancer and pay for it forever.
 */
const OVERDUE = 4

/** Latencies below this, in ms, are all alike: what differs there is the client's own event loop. */
const FLOOR = 5

/** The age of what is in flight counts from here on, in ms: less is the time it takes to send a burst. */
const SLACK = 10
/** The same before anybody has answered: connections are being made. */
const COLD_SLACK = 1_000

/** How much one attempt moves the mean over all endpoints, the guess for one not heard of yet. */
const PRIOR_SHARE = 0.01

/**
 * Of two endpoints drawn at random, the one with the smaller product of latency squared and attempts in flight.
 * Latency is a moving average that jumps at once to a peak, and the age of what is in flight counts as latency
 * already seen. Failures and overload multiply the cost, and an answer from 400 on counts as load for as long as a usual
 * one would: neither failing fast nor refusing fast attracts anything.
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
  let answers = 0

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
    const { strikes, held } = standing
    let latency = prior
    let penalty = 1
    if (standing.latency >= 0) {
      if (inFlight === 0 && now - standing.at > repick * Math.max(1, strikes?.count ?? 0)) return 0
      latency = standing.expected(prior)
      // Idle time makes a slow endpoint look average again, never better than average.
      if (latency > prior) latency = prior + (latency - prior) * Math.exp((standing.at - now) / decay)
      if (strikes) penalty = strikes.penalty(now)
    }
    if (endpoint.pending > 0) {
      latency = Math.max(latency, endpoint.pendingAge(now) - (prior === 0 ? COLD_SLACK : SLACK))
    }
    latency = Math.max(latency, ALIKE * prior, FLOOR)
    const load = held ? inFlight + held.count(now) : inFlight
    // Squared, or an idle slow endpoint would look as good as a fast one that has work.
    return (latency * latency * (load + 1) * penalty) / weightOf(endpoint)
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
    settled(endpoint, outcome, ms, now, status = 0) {
      const standing = lookUp(endpoint)
      if (outcome === 'success' && status < 400) {
        standing.observe(ms, now, decay)
        prior += (ms - prior) * Math.max(PRIOR_SHARE, 1 / ++answers)
        standing.strikes?.forgive(now - ms, now)
      } else {
        // A fast failure says nothing about speed, least of all as the first thing heard of an endpoint.
        if (standing.latency < 0) standing.latency = prior
        if (ms > standing.latency) standing.observe(outcome === 'ignored' ? ms * OVERDUE : ms, now, decay)
        if (status >= 400) standing.hold(ms, now, prior)
        if (outcome === 'failure' || outcome === 'overload') strike(standing, status, now - ms, now)
      }
      standing.at = now
    },
    amended(endpoint, ms, now) {
      const standing = lookUp(endpoint)
      strike(standing, 0, now - ms, now)
      standing.at = now
    },
  })
}

function strike(standing: Standing, status: number, started: number, now: number): void {
  standing.strikes ??= new Strikes()
  if (status === 429) standing.strikes.doubt(started, now)
  else standing.strikes.add(started, now)
}

factories.add(peakEwma)
