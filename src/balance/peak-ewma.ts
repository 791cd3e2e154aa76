import { checkNumber, checkObject } from '../options.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { leastOf } from './least-of.ts'
import { markWithoutUserCode } from './own.ts'
import { perSet } from './per-set.ts'
import { Standing } from './standing.ts'
import { Strikes } from './strikes.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'

/** Options of `peakEwma()`. */
export interface PeakEwmaOptions {
  /**
   * The time in which a measured latency fades to 1/e, in milliseconds. A smaller value reacts faster, a larger one is
   * steadier.
   * @default 10_000
   */
  readonly decay?: number
  /**
   * An idle endpoint that was not used for this many milliseconds gets one try, even if it was slow before. After
   * failures in a row, the time is multiplied by their number.
   * @default 30_000
   */
  readonly repick?: number
}

/**
 * Latencies up to this multiple of the mean count as equal. Such differences come from queues, which already count as
 * load.
 */
const EQUAL_UP_TO = 1.15

/**
 * A hedged attempt that lost is cancelled when it is already slow, so its real latency is unknown. It counts as this
 * many times its duration. If only the duration counted, hedging would hide a slow instance, and the balancer would go
 * on picking it.
 */
const ABANDONED_FACTOR = 4

/** In milliseconds. Latencies below this count as equal: such differences come from the client's own event loop. */
const MIN_LATENCY_MS = 5

/** In milliseconds. The age of pending attempts counts only above this: sending a burst takes that long. */
const SEND_TIME_MS = 10
/** In milliseconds. It replaces `SEND_TIME_MS` before the first response, while connections are being made. */
const CONNECT_TIME_MS = 1_000

/**
 * The smallest weight of one response in the mean latency of all endpoints. That mean is the estimate for a new
 * endpoint.
 */
const MIN_PRIOR_WEIGHT = 0.01

/**
 * Draws two endpoints at random and picks the one with the lower cost: latency squared, times the attempts in flight.
 * Latency is a moving average that follows a peak at once. The age of pending attempts counts as latency too. Failures
 * and overload multiply the cost. A fast response with status 400 or above counts as load for the usual duration. So an
 * endpoint that fails or refuses fast does not attract requests.
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

  /** In the order of the set, so a pick looks standings up by index. That is faster than a WeakMap look-up. */
  const standingsOf = perSet((endpoints) => endpoints.map(lookUp))
  let standings: readonly Standing[] = []

  function cost(endpoint: Endpoint, { now }: Pick<PickRequest, 'now'>, index: number): number {
    const standing = standings[index] as Standing
    const { inFlight } = endpoint
    const { strikes, fastAttempts } = standing
    let latency = prior
    let penalty = 1
    if (standing.latency >= 0) {
      if (inFlight === 0 && now - standing.at > repick * Math.max(1, strikes?.count ?? 0)) return 0
      latency = standing.expected(prior)
      // While a slow endpoint is not used, its expected latency returns to the average, but never below it.
      if (latency > prior) latency = prior + (latency - prior) * Math.exp((standing.at - now) / decay)
      if (strikes) penalty = strikes.penalty(now)
    }
    if (endpoint.pending > 0) {
      latency = Math.max(latency, endpoint.pendingAge(now) - (prior === 0 ? CONNECT_TIME_MS : SEND_TIME_MS))
    }
    latency = Math.max(latency, EQUAL_UP_TO * prior, MIN_LATENCY_MS)
    const load = fastAttempts ? inFlight + fastAttempts.count(now) : inFlight
    // With the plain latency, a slow idle endpoint would cost as little as a fast busy one.
    return (latency * latency * (load + 1) * penalty) / weightOf(endpoint)
  }

  const least = leastOf(2, cost)

  return markWithoutUserCode({
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
        prior += (ms - prior) * Math.max(MIN_PRIOR_WEIGHT, 1 / ++answers)
        standing.strikes?.addSuccess(now - ms, now)
      } else {
        // A fast failure tells nothing about speed. If it is the first result of an endpoint, the average is used
        // instead.
        if (standing.latency < 0) standing.latency = prior
        if (ms > standing.latency)
          standing.observe(outcome === 'ignored' ? ms * ABANDONED_FACTOR : ms, now, decay)
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
  if (status === 429) standing.strikes.addRefusal(started, now)
  else standing.strikes.addFailure(started, now)
}

factories.add(peakEwma)
