import { checkNumber, checkObject, quote } from '../options.ts'
import type { Balancer, Endpoint } from './balancer.ts'
import { factories } from './factories.ts'
import { leastOf } from './least-of.ts'
import { checkSlower, Measured } from './measured.ts'
import { markOwn } from './own.ts'
import { ReportedWeight, weigh } from './reported-weight.ts'
import { Sampler } from './sampler.ts'
import { Setbacks } from './setbacks.ts'
import { weightOf } from './weight.ts'

/** Options of `reportedLoad()`. */
export interface ReportedLoadOptions {
  /**
   * Milliseconds for which an instance must have reported before its reports count. Until then it weighs what the registry says.
   * @default 10_000
   */
  readonly blackout?: number
  /**
   * Milliseconds after which the last report of an instance is forgotten.
   * @default 180_000
   */
  readonly expiry?: number
  /**
   * Milliseconds from one look at all reports to the next.
   * @default 1_000
   */
  readonly update?: number
  /**
   * How much failures count: an instance of whose answers all are failures is taken for one that has this much more of itself in
   * use.
   * @default 1
   */
  readonly errorPenalty?: number
  /**
   * How many times as much, or as little, as its `weight` says an instance may weigh for its reports.
   * @default 4
   */
  readonly spread?: number
  /**
   * An instance whose answers take this many times the median of all, by this client's clock, gains no weight by its report: it
   * may lie. `Infinity` believes every report.
   * @default 2
   */
  readonly slower?: number
  /**
   * The metric of the servers' own that is their utilisation, without its `named_metrics.`, such as `'gpu'`.
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

interface Looked {
  readonly weights: readonly number[]
  readonly sampler: Sampler
  readonly at: number
}

/**
 * For servers that report their load (`reportLoad()`, or any that sends `endpoint-load-metrics`). Each weighs what it could answer
 * if all of it were in use: requests per second ÷ (utilisation + failures' share × `errorPenalty`), as in gRPC's client-side weighted
 * round robin. Of two endpoints drawn by these weights, the one with fewer attempts in flight per unit of weight is taken. Failures
 * that this client has seen count as load, and an instance that it finds slow gains no weight by its report. Where fewer than two instances report, the registry's weights hold.
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
  const looks = new WeakMap<readonly Endpoint[], { readonly all: readonly Endpoint[]; look: Looked }>()
  /** What each weighed when it was last looked at. */
  const latest = new WeakMap<Endpoint, number>()
  const setbacks = new Setbacks()
  let weights: readonly number[] = []

  function look(endpoints: readonly Endpoint[], now: number): Looked {
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
    // An idle one costs nothing: the draw has heeded its weight already. Unless it fails: it is idle because of that.
    return (endpoint.inFlight * penalty + penalty - 1) / weight
  }

  const least = leastOf(
    2,
    (endpoint, { now }, index) => cost(endpoint, now, weights[index] as number),
    (endpoints, request) => {
      const all = request.all ?? endpoints
      let entry = looks.get(endpoints)
      if (entry?.all !== all) looks.set(endpoints, (entry = { all, look: look(endpoints, request.now) }))
      else if (request.now - entry.look.at >= update) entry.look = look(endpoints, request.now)
      weights = entry.look.weights
      return entry.look.sampler
    },
  )

  return markOwn({
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
