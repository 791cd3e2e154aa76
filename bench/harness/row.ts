/** What a worker gets besides its code. */
export interface Context {
  /** The origins of the servers; empty if the row needs none. */
  readonly origins: readonly string[]
}

/** Additional measurements of a round. CPU and time per operation are measured by the harness. */
export type Sample = Readonly<Record<string, number>>

/** One round: does its work `ops` times. */
export type Round = (ops: number) => void | Sample | Promise<void | Sample>

/**
 * One side of a comparison. Each runs in a separate process, so that no other side shares its inline caches or its
 * heap.
 */
export type Variant = (context: Context) => Round | Promise<Round>

export interface Comparison {
  readonly name: string
  readonly subject: string
  /** The variant by which the subject is divided; absent if the target is an absolute number. */
  readonly base?: string
  /**
   * The measurement: CPU per operation as `cpu` (µs) or `ns`, `rate` in operations per second, or a key of the round's
   * own sample.
   */
  readonly measure: string
  readonly unit: string
  /** The target; absent if the number is only reported. */
  readonly target?: number
  /** True if more is better. */
  readonly atLeast?: boolean
}

/** One or several lines of the table. The file of a row exports it as `row`. */
export interface Row {
  readonly title: string
  /** The number of servers to start. @default 0 */
  readonly servers?: number
  /** True if the servers speak HTTP/1.1 and HTTP/2 over TLS. @default false */
  readonly secure?: boolean
  /**
   * How often all variants are started again in new processes. The speed that a process reaches is partly random.
   * @default 1
   */
  readonly generations?: number
  /** The number of rounds per generation. @default 15 */
  readonly rounds?: number
  /** How long each variant runs before anything is measured, in milliseconds. @default 500 */
  readonly warmUpMs?: number
  /** The length of a round in milliseconds; 0 for rounds that do their work once. @default 60 */
  readonly roundMs?: number
  readonly variants: Readonly<Record<string, Variant>>
  readonly comparisons: readonly Comparison[]
}
