/** What a worker is given besides its code. */
export interface Context {
  /** Where the servers listen; empty when the row asks for none. */
  readonly origins: readonly string[]
}

/** What one round measured by itself; otherwise the harness takes CPU and time per operation. */
export type Sample = Readonly<Record<string, number>>

/** One round: does its work `ops` times. */
export type Round = (ops: number) => void | Sample | Promise<void | Sample>

/** One side of a comparison, set up in a process of its own so that no other shares its inline caches or its heap. */
export type Variant = (context: Context) => Round | Promise<Round>

export interface Comparison {
  readonly name: string
  readonly subject: string
  /** What it is divided by; left out where the target is a plain figure. */
  readonly base?: string
  /** CPU per operation as `cpu` (µs) or `ns`, `rate` in operations a second, or a key of the round's own sample. */
  readonly measure: string
  readonly unit: string
  /** What to reach; left out where the figure is only reported. */
  readonly target?: number
  /** True when more is better. */
  readonly atLeast?: boolean
}

/** One line, or a few, of the table. A row's file exports it under the name `row`. */
export interface Row {
  readonly title: string
  /** How many servers to start. @default 0 */
  readonly servers?: number
  /** Whether they speak HTTP/1.1 and HTTP/2 over TLS. @default false */
  readonly secure?: boolean
  /** How often all variants start again in new processes: what a process settles into is partly chance. @default 1 */
  readonly generations?: number
  /** Of each generation. @default 15 */
  readonly rounds?: number
  /** How long each variant runs before anything counts, in ms. @default 500 */
  readonly warmUpMs?: number
  /** How long a round should be, in ms; 0 for rounds that do their work once. @default 60 */
  readonly roundMs?: number
  readonly variants: Readonly<Record<string, Variant>>
  readonly comparisons: readonly Comparison[]
}
