import { checkNumber, checkObject, quote } from '../options.ts'
import type { Balancer, Endpoint } from './balancer.ts'
import { factories } from './factories.ts'
import { leastOf } from './least-of.ts'
import { checkSlower, Measured } from './measured.ts'
import { markWithoutUserCode } from './own.ts'
import { ReportedWeight, weigh } from './reported-weight.ts'
import { Sampler } from './sampler.ts'
import { Setbacks } from './setbacks.ts'
import { weightOf } from './weight.ts'

/** Options of `reportedLoad()`. */
export interface ReportedLoadOptions {
  /**
   * In milliseconds. The reports of an instance count only after it has reported for this long. Before, its weight is
   * the one in the registry.
   * @default 10_000
   */
  readonly blackout?: number
  /**
   * In milliseconds. The last report of an instance is forgotten after this time.
   * @default 180_000
   */
  readonly expiry?: number
  /**
   * The time between two computations of the weights, in milliseconds.
   * @default 1_000
   */
  readonly update?: number
  /**
   * How much failures count. It is multiplied by the share of failed responses and added to the utilisation: with 1, an
   * instance whose responses all fail counts as if its utilisation were higher by 100 %.
   * @default 1
   */
  readonly errorPenalty?: number
  /**
   * How far reports may change the `weight` of an instance: at most to this many times its value, at least to its value
   * divided by this.
   * @default 4
   */
  readonly spread?: number
  /**
   * If the responses of an instance take this many times the median of all instances, by this client's clock, its
   * report cannot raise its weight: it may lie. `Infinity` believes every report.
   * @default 2
   */
  readonly slower?: number
  /**
   * The name of the servers' own metric to use as utilisation, without the prefix `named_metrics.`, such as `'gpu'`.
   * @default the application's utilisation if it is reported, or else the processor's
   */
  readonly metric?: string
}

const OPTIONS: Readonly<Record<keyof ReportedLoadOptions, true>> = {
  blackout: true,
  expiry: true,
  update: true,
  errorPenalty: true,
  spread: true,
  slower: true,
  metric: true,
}

interface Weighing {
  readonly weights: readonly number[]
  readonly sampler: Sampler
  readonly at: number
}

/**
 * For servers that report their load (`reportLoad()`, or any server that sends `endpoint-load-metrics`). The weight of
 * an endpoint is the rate that it could serve at full utilisation: requests per second ÷ (utilisation + share of
 * failures × `errorPenalty`), as in gRPC's client-side weighted round robin. Two endpoints are drawn by these weights,
 * and the one with fewer attempts in flight per unit of weight is picked. Failures that this client has seen count as
 * load. An endpoint that this client finds slow gains no weight by its reports. While fewer than two instances report,
 * the registry's weights are used.
 *
 * @example
 * createClient({ service: 'users', source, balance: reportedLoad({ blackout: 5_000 }) })
 */
export function reportedLoad(options: ReportedLoadOptions = {}): Balancer {
  checkObject('reportedLoad', options, Object.keys(OPTIONS))
  const { blackout = 10_000, expiry = 180_000, update = 1_000, errorPenalty = 1 } = options
  const { spread = 4, slower = 2, metric } = options
  checkNumber('reportedLoad.blackout', blackout)
  checkNumber('reportedLoad.expiry', expiry, { exclusive: true })
  checkNumber('reportedLoad.update', update)
  checkNumber('reportedLoad.errorPenalty', errorPenalty)
  checkNumber('reportedLoad.spread', spread, { min: 1 })
  checkSlower('reportedLoad.slower', slower)
  if (metric !== undefined && (typeof metric !== 'string' || metric === '')) {
    throw new TypeError(`reportedLoad.metric must be the name of a metric, got ${quote(metric)}`)
  }
  const reports = new WeakMap<Endpoint, ReportedWeight>()
  const measured = new WeakMap<Endpoint, Measured>()
  const weighings = new WeakMap<
    readonly Endpoint[],
    { readonly all: readonly Endpoint[]; current: Weighing }
  >()
  /** The weight of each endpoint when the weights were last computed. */
  const latest = new WeakMap<Endpoint, number>()
  const setbacks = new Setbacks()
  let weights: readonly number[] = []

  function weighAll(endpoints: readonly Endpoint[], now: number): Weighing {
    const weighed = weigh(
      endpoints.map((endpoint) => ({
        weight: endpoint.weight,
        reported: reports.get(endpoint)?.value(now, blackout, expiry),
        measured: measured.get(endpoint),
      })),
      spread,
      slower,
    )
    for (const [index, endpoint] of endpoints.entries()) latest.set(endpoint, weighed[index] as number)
    return { weights: weighed, sampler: new Sampler(weighed), at: now }
  }

  function cost(endpoint: Endpoint, now: number, weight: number): number {
    const penalty = setbacks.penalty(endpoint, now)
    // A healthy idle endpoint costs 0: the draw has already considered its weight. A failing one costs more, as it is
    // idle because it fails.
    return (endpoint.inFlight * penalty + penalty - 1) / weight
  }

  const least = leastOf(
    2,
    (endpoint, { now }, index) => cost(endpoint, now, weights[index] as number),
    (endpoints, request) => {
      const all = request.all ?? endpoints
      let entry = weighings.get(endpoints)
      if (entry?.all !== all)
        weighings.set(endpoints, (entry = { all, current: weighAll(endpoints, request.now) }))
      else if (request.now - entry.current.at >= update) entry.current = weighAll(endpoints, request.now)
      weights = entry.current.weights
      return entry.current.sampler
    },
  )

  return markWithoutUserCode({
    pick: least,
    standing(endpoint, now) {
      return { cost: cost(endpoint, now, latest.get(endpoint) ?? weightOf(endpoint)) }
    },
    reported(endpoint, report, now) {
      let own = reports.get(endpoint)
      if (!own) reports.set(endpoint, (own = new ReportedWeight()))
      own.take(report, now, { errorPenalty, expiry, metric })
    },
    settled(endpoint, outcome, ms, now, status = 0) {
      let own = measured.get(endpoint)
      if (!own) measured.set(endpoint, (own = new Measured()))
      own.add(ms, outcome === 'success' && status < 400)
      setbacks.settled(endpoint, outcome, ms, now, status)
    },
    amended(endpoint, ms, now) {
      setbacks.amended(endpoint, ms, now)
    },
  })
}

factories.add(reportedLoad)
