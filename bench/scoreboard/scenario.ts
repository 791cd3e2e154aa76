import type { SimulationOptions } from '../../src/testing/simulate.ts'

/**
 * The figures of a run in the report: milliseconds, except shares (`success`), factors (`load`) and seconds
 * (`recovery`).
 */
export type Figure = 'success' | 'worst' | 'mean' | 'p50' | 'p99' | 'p999' | 'load' | 'recovery'

export interface Bound {
  readonly figure: Figure
  readonly atLeast?: number
  readonly atMost?: number
}

/** One policy under test: a row in the table of the scenario. */
export interface Variant {
  readonly name: string
  /** The published result for the same set-up, or the theoretical one. */
  readonly published?: string
  /** The targets of this row. */
  readonly reach?: readonly Bound[]
  /** The policy of the caller. @default the scenario's */
  readonly clients?: number
  readonly client: NonNullable<SimulationOptions['client']>
  /** True if it is drawn in the charts. */
  readonly chart?: boolean
}

/** A set-up as data: each variant gets the same traffic and the same servers. */
export interface Scenario {
  /** Names its chart. */
  readonly id: string
  readonly title: string
  readonly setUp: string
  readonly duration: number
  readonly warmup?: number
  readonly clients: number
  readonly arrivals: SimulationOptions['arrivals']
  /** Created for each run, because queues have state. */
  readonly servers: () => SimulationOptions['servers']
  readonly success?: NonNullable<SimulationOptions['success']>
  /** The simulated time in milliseconds when the problem ends. `recovery` is counted from here. */
  readonly troubleEnds?: number
  /** The columns of the table. */
  readonly figures: readonly Figure[]
  readonly variants: readonly Variant[]
  /** What the table shows, with one entry per paragraph. */
  readonly findings: readonly string[]
}
