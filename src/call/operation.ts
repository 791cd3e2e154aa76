import type { Clock } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Door } from '../observe/events.ts'
import type { Priority } from '../limit/priority.ts'
import type { Verdict } from '../verdict/verdict.ts'
import type { Plan } from './plan.ts'

/** What a call wants done, through whichever door it came. */
export interface Operation<T> {
  readonly plan: Plan
  readonly door: Door
  readonly method: string | undefined
  readonly path: string | undefined
  /** The caller's own. */
  readonly signal: AbortSignal | undefined
  /** Of the caller who began what others share: it ends his part, and not the call. */
  readonly firstCallerSignal?: AbortSignal | undefined
  /** The clock's time by which the caller's own caller must have its answer. */
  readonly deadline?: number | undefined
  /** Runs code that the end of a connection does not end: close() ends it when its drain time is over. */
  readonly runsCode?: boolean
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
  /** Frees an answer that nobody is going to read. */
  discard(value: T): void
}

/** Whether it may wait for code of the user's that no end of a connection ends: close() then ends its call. */
export function runsCode({ runsCode, plan }: Pick<Operation<unknown>, 'runsCode' | 'plan'>): boolean {
  return runsCode === true || (plan.headers.own?.functions.length ?? 0) > 0
}

export interface SendContext {
  readonly clock: Clock
  /** The clock's time at which the call's time is over; Infinity without a deadline. */
  readonly deadline: number
  /** Milliseconds the call has left; Infinity without a deadline. */
  readonly remaining: number
}

/** Where a try's result goes: one of the two, once. */
export interface Receiver<T> {
  resolved(value: T): void
  rejected(error: unknown): void
  /** Nothing of the request was sent: the attempt that sends it instead, or undefined if the try has failed. */
  replaceUnsent(error: unknown): Attempt | undefined
}

/** One try under way. */
export interface Sending {
  /** Whether any of the request may have reached the instance. */
  readonly sent: boolean
  /** When it left the queue of our own pool, by the clock: 0 if it was never in there, Infinity while it is. */
  readonly queuedUntil: number
  /** Ends it with this verdict, unless it has one; its receiver need not hear of it after this. */
  abort(reason: Error, verdict: Verdict): void
  /** The same at a time limit of the caller's: what has been answered in time keeps that verdict. */
  abortAtLimit(reason: Error, verdict: Verdict): void
}

/** How one try ended: with a value if `ok`, with an error otherwise. */
export interface TryResult<T> {
  readonly attempt: Attempt
  readonly sent: boolean
  readonly ok: boolean
  readonly value: T | undefined
  readonly error: unknown
}
