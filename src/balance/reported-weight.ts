import type { LoadReport } from '../load/report.ts'
import { doubts, median, type Measured } from './measured.ts'

export interface WeightRule {
  readonly errorPenalty: number
  readonly expiry: number
  readonly metric: string | undefined
}

/**
 * What an instance can do, by its own reports: the requests per second that it would answer if all of it were in use. As in
 * gRPC's client-side weighted round robin (gRFC A58).
 */
export class ReportedWeight {
  #weight = 0
  #since = Infinity
  #at = -Infinity

  take(report: LoadReport, now: number, { errorPenalty, expiry, metric }: WeightRule): void {
    const { rps = 0, eps = 0 } = report
    const utilization = utilizationOf(report, metric)
    const weight = rps / (utilization + (eps / rps) * errorPenalty)
    // An idle instance says nothing about what it can do, and neither does one that claims more than can be counted.
    if (!(rps > 0 && utilization > 0 && weight > 0 && weight < Infinity)) return
    if (now - this.#at >= expiry) this.#since = now
    this.#at = now
    this.#weight = weight
  }

  /** Undefined while its reports do not count. */
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
 * The weights to pick by: what the reports say, as multiples of the median, within `spread` of what the registry says. Not of
 * the mean: that is moved by one instance that lies. An instance that this client finds slow gains nothing by its report,
 * and may lose. Without two reports, those of the registry.
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
