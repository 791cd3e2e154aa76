import type { Run } from './run.ts'
import type { Bound, Figure, Scenario, Variant } from './scenario.ts'

/** One second of a row, over all seeds. */
export interface Point {
  /** The time in seconds. */
  readonly at: number
  readonly success: number
  readonly p99: number
}

/** All seeds of one row. */
export interface Row {
  readonly variant: Variant
  readonly figures: Readonly<Record<Figure, number>>
  readonly points: readonly Point[]
}

export interface Result {
  readonly scenario: Scenario
  readonly rows: readonly Row[]
}

export function combine(variant: Variant, runs: readonly Run[]): Row {
  const of = (figure: Figure): number[] => runs.map(({ figures }) => figures[figure])
  return {
    variant,
    figures: {
      success: mean(of('success')),
      worst: Math.min(...of('success')),
      mean: mean(of('mean')),
      p50: mean(of('p50')),
      p99: mean(of('p99')),
      p999: mean(of('p999')),
      load: mean(of('load')),
      recovery: Math.max(...of('recovery')),
    },
    points: points(runs),
  }
}

export function holds({ figure, atLeast = -Infinity, atMost = Infinity }: Bound, { figures }: Row): boolean {
  return figures[figure] >= atLeast && figures[figure] <= atMost
}

function points(runs: readonly Run[]): readonly Point[] {
  const seconds = Map.groupBy(
    runs.flatMap(({ timeline }) => timeline),
    ({ at }) => at,
  )
  return [...seconds]
    .map(([at, each]) => ({
      at: at / 1000,
      success: mean(each.map(({ success }) => success)),
      p99: median(each.map(({ p99 }) => p99)),
    }))
    .toSorted((a, b) => a.at - b.at)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The median, because one extreme seed could change a mean of percentiles too much. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
