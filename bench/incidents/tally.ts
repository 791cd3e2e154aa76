import type { Point } from '../scoreboard/result.ts'
import type { Incident } from './incident.ts'

export interface Outcome {
  /** When it started, ms from the beginning of the run. */
  readonly at: number
  readonly ms: number
  /** A status, or what the call rejected with. */
  readonly result: string
  readonly lost: boolean
}

/** One contender in one run. */
export interface Figures {
  readonly calls: number
  readonly lost: number
  /** The slowest call that ended within the caller's patience, or that patience when one took longer; ms. */
  readonly slowest: number
  /** From the end of the trouble to the start of the last call that was lost, ms. */
  readonly recovered: number
  /** Requests that servers received, per call. */
  readonly load: number
  /** Why calls were lost, and how many. */
  readonly reasons: Readonly<Record<string, number>>
  readonly points: readonly Point[]
}

const BUCKET = 500

export function tally({ patience, over }: Incident, outcomes: readonly Outcome[], requests: number): Figures {
  const lost = outcomes.filter((outcome) => outcome.lost)
  const reasons: Record<string, number> = {}
  for (const { result } of lost) reasons[result] = (reasons[result] ?? 0) + 1
  return {
    calls: outcomes.length,
    lost: lost.length,
    slowest: Math.min(patience, Math.max(...outcomes.map(({ ms }) => ms))),
    recovered: Math.max(0, ...lost.map(({ at }) => at - over)),
    load: requests / outcomes.length,
    reasons,
    points: [...Map.groupBy(outcomes, ({ at }) => Math.floor(at / BUCKET))]
      .toSorted(([a], [b]) => a - b)
      .map(([bucket, each]) => ({
        at: (bucket * BUCKET) / 1000,
        success: each.filter((outcome) => !outcome.lost).length / each.length,
        p99: percentile(each.map(({ ms }) => Math.min(ms, patience))),
      })),
  }
}

function percentile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] ?? 0
}
