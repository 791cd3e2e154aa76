import type { Attempt } from '../fleet/attempt.ts'
import type { Plan } from './plan.ts'

/** What a call wants done, through whichever door it came. */
export interface Operation<T> {
  readonly plan: Plan
  readonly method: string | undefined
  readonly path: string | undefined
  /** The caller's own. */
  readonly signal: AbortSignal | undefined
  /** The clock's time by which the caller's own caller must have its answer. */
  readonly deadline?: number | undefined
  /** Whether the request may be sent a second time at all: a one-shot stream may not. */
  readonly replayable: boolean
  /** Whether sending it twice does no more than sending it once. */
  readonly idempotent: boolean
  header?(name: string): string | undefined
  /** Starts one try, which settles and releases the attempt. */
  send(attempt: Attempt, context: SendContext): Sending<T>
  /** Whether a failed try is worth another. */
  retryable(tried: Tried<T>): boolean
  /** Frees an answer that nobody is going to read. */
  discard(value: T): void
}

export interface SendContext {
  /** Milliseconds the call has left; Infinity without a deadline. */
  readonly remaining: number
}

/** One try under way. */
export interface Sending<T> {
  readonly result: Promise<T>
  /** Whether any of the request may have reached the instance. */
  readonly sent: boolean
  /** Ends it, with that outcome for what is still unsettled; `result` need not settle after this. */
  abort(reason: Error, outcome: 'failure' | 'ignored'): void
}

/** How one try ended. */
export type Tried<T> = {
  readonly attempt: Attempt
  readonly sent: boolean
} & ({ readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown })
