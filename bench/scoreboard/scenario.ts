import type { SimulationOptions } from '../../src/testing/simulate.ts'

/** What the report shows of a run: ms but for shares (`success`), factors (`load`) and seconds (`recovery`). */
export type Figure = 'success' | 'worst' | 'mean' | 'p50' | 'p99' | 'p999' | 'load' | 'recovery'

export interface Bound {
  readonly figure: Figure
  readonly atLeast?: number
  readonly atMost?: number
}

/** One policy under test: a row of the scenario's table. */
export interface Variant {
  readonly name: string
  /** What others have published for the same set-up, or what theory says. */
  readonly published?: string
  /** What this row has to reach. */
  readonly reach?: readonly Bound[]
  /** @default the scenario's */
  readonly clients?: number
  readonly client: NonNullable<SimulationOptions['client']>
  /** Drawn in the charts. */
  readonly chart?: boolean
}

/** A set-up, as data: the same traffic and the same servers for every variant. */
export interface Scenario {
  /** Names its chart. */
  readonly id: string
  readonly title: string
  readonly setUp: string
  readonly duration: number
  readonly warmup?: number
  readonly clients: number
  readonly arrivals: SimulationOptions['arrivals']
  /** Made afresh for each run: queues are state. */
  readonly servers: () => SimulationOptions['servers']
  readonly success?: NonNullable<SimulationOptions['success']>
  /** When trouble ends, in simulated ms: from here on `recovery` is counted. */
  readonly troubleEnds?: number
  /** The table's columns. */
  readonly figures: readonly Figure[]
  readonly variants: readonly Variant[]
  /** What to learn from the table, a paragraph each. */
  readonly findings: readonly string[]
}
