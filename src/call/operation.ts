import type { Attempt } from '../fleet/attempt.ts'
import type { Priority } from '../limit/priority.ts'
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
  /** Who is shed first when there is too little for everybody. */
  readonly priority: Priority
  header?(name: string): string | undefined
  /**
   * Starts one try, which settles and releases the attempt, and tells `receiver` how it ended. Callbacks, not
   * promises: this is the hot path of every door.
   */
  send(attempt: Attempt, context: SendContext, receiver: Receiver<T>): Sending
  /** Whether a failed try is worth another. */
  retryable(tried: Tried<T>): boolean
  /** Frees an answer that nobody is going to read. */
  discard(value: T): void
}

export interface SendContext {
  /** Milliseconds the call has left; Infinity without a deadline. */
  readonly remaining: number
}

/** Where a try's result goes: one of the two, once. */
export interface Receiver<T> {
  resolved(value: T): void
  rejected(error: unknown): void
}

/** One try under way. */
export interface Sending {
  /** Whether any of the request may have reached the instance. */
  readonly sent: boolean
  /** Ends it with this outcome, unless it has one; its receiver need not hear of it after this. */
  abort(reason: Error, outcome: 'failure' | 'ignored'): void
}

/** How one try ended: with a value if `ok`, with an error otherwise. */
export interface Tried<T> {
  readonly attempt: Attempt
  readonly sent: boolean
  readonly ok: boolean
  readonly value: T | undefined
  readonly error: unknown
}
