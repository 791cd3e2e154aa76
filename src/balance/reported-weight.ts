import type { LoadReport } from '../load/report.ts'
import { doubts, median, type Measured } from './measured.ts'

export interface WeightRule {
  readonly errorPenalty: number
  readonly expiry: number
  readonly metric: string | undefined
}

/**
 * The capacity of an instance according to its own reports: the requests per second that it could serve at full
 * utilisation. The formula is that of gRPC's client-side weighted round robin (gRFC A58).
 */
export class ReportedWeight {
  #weight = 0
  #since = Infinity
  #at = -Infinity

  take(report: LoadReport, now: number, { errorPenalty, expiry, metric }: WeightRule): void {
    const { rps = 0, eps = 0 } = report
    const utilization = utilizationOf(report, metric)
    const weight = rps / (utilization + (eps / rps) * errorPenalty)
    // A report of an idle instance tells nothing about its capacity. A report that leads to Infinity or NaN is not
    // valid.
    if (!(rps > 0 && utilization > 0 && weight > 0 && weight < Infinity)) return
    if (now - this.#at >= expiry) this.#since = now
    this.#at = now
    this.#weight = weight
  }

  /** Returns undefined while the reports do not count. */
  value(now: number, blackout: number, expiry: number): number | undefined {
    if (now - this.#at >= expiry || now - this.#since < blackout) return undefined
    return this.#weight
  }
}

function utilizationOf(report: LoadReport, metric: string | undefined): number {
  if (metric !== undefined) return report.named?.get(metric) ?? 0
  return report.applicationUtilization || report.cpuUtilization || 0
}

export interface Weighed {
  readonly weight: number
  readonly reported: number | undefined
  readonly measured: Measured | undefined
}

/**
 * Returns the weights to pick by. The reported capacity is compared with the median of all instances, and changes the
 * registry's weight at most by the factor `spread`. One instance that reports false values could move a mean, but not
 * the median. An instance that this client finds slow cannot gain weight by its report, but can lose it. If fewer than
 * two instances report, the registry's weights are returned.
 */
export function weigh(endpoints: readonly Weighed[], spread: number, slower: number): readonly number[] {
  const perWeight = endpoints.flatMap(({ weight, reported }) =>
    reported === undefined || weight <= 0 ? [] : [reported / weight],
  )
  if (perWeight.length < 2) return endpoints.map(({ weight }) => weight)
  const middle = median(perWeight)
  const doubted = doubts(
    endpoints.map(({ measured }) => measured),
    slower,
  )
  return endpoints.map(({ weight, reported }, index) => {
    if (reported === undefined || weight <= 0) return weight
    const most = spread - (spread - 1) * (doubted[index] as number)
    return weight * Math.min(Math.max(reported / weight / middle, 1 / spread), most)
  })
}
