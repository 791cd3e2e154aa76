import type { Point } from '../scoreboard/result.ts'
import type { Incident } from './incident.ts'

export interface Outcome {
  /** When it started, in milliseconds from the beginning of the run. */
  readonly at: number
  readonly ms: number
  /** The status, or the error with which the call rejected. */
  readonly result: string
  readonly lost: boolean
}

/** One contender in one run. */
export interface Figures {
  readonly calls: number
  readonly lost: number
  /** The slowest call in milliseconds. If a call took longer than the caller waits, this is that limit. */
  readonly slowest: number
  /** The time from the end of the problem to the start of the last lost call, in milliseconds. */
  readonly recovered: number
  /** The number of requests that servers received, per call. */
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
