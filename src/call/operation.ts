import type { Clock } from '../clock.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Door } from '../observe/events.ts'
import type { Priority } from '../limit/priority.ts'
import type { Verdict } from '../verdict/verdict.ts'
import type { Plan } from './plan.ts'

/** What a call does. Each door makes its own kind: `FetchOperation`, `RequestOperation`, `ExecuteOperation`. */
export interface Operation<T> {
  readonly plan: Plan
  readonly door: Door
  readonly method: string | undefined
  readonly path: string | undefined
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined
  /**
   * Set if several callers share the call: the signal of the caller that started it. It ends the call for that caller
   * only.
   */
  readonly firstCallerSignal?: AbortSignal | undefined
  /** When the caller needs the response, in ms of the clock. */
  readonly deadline?: number | undefined
  /**
   * True if it runs a user function. The end of a connection does not end that, so close() does when its drain time is
   * over.
   */
  readonly runsCode?: boolean
  /**
   * Whether the request can be sent a second time. A body that is a stream can be read only once. If false, there is no
   * further round and no hedge, and `retry.when` is not called.
   */
  readonly replayable: boolean
  /**
   * Whether sending it twice has the same effect as sending it once (RFC 9110, section 9.2.2). If false, `retry.when` can
   * still request another round.
   */
  readonly idempotent: boolean
  /** Limits and the throttle refuse calls of lower priority first. */
  readonly priority: Priority
  header?(name: string): string | undefined
  /**
   * Sends one try, settles and releases its attempt, and calls `receiver` when it ends. This may happen before `send`
   * returns. Callbacks are used because promises would slow down each call.
   */
  send(attempt: Attempt, context: SendContext, receiver: Receiver<T>): Sending
  /** Discards a response that will not be read, so that its connection becomes free. */
  discard(value: T): void
}

/**
 * True if the operation may wait for a user function. Then close() must end its call, because the end of its connection
 * does not.
 */
export function runsCode({ runsCode, plan }: Pick<Operation<unknown>, 'runsCode' | 'plan'>): boolean {
  return runsCode === true || (plan.headers.own?.functions.length ?? 0) > 0
}

export interface SendContext {
  readonly clock: Clock
  /** The deadline of the call, in ms of the clock. Infinity means none. */
  readonly deadline: number
  /** Milliseconds until the deadline of the call. Infinity without one. */
  readonly remaining: number
}

/**
 * Receives the result of a try. The sender calls `resolved` or `rejected` once, perhaps before `send` returns. After `abort`
 * it need not call them.
 */
export interface Receiver<T> {
  resolved(value: T): void
  rejected(error: unknown): void
  /**
   * Called when an attempt has failed and nothing of the request was sent. Returns the attempt that sends it instead, or
   * undefined. Then the sender calls `rejected`. Never throws.
   *
   * The way there: `Exchange` (attempt/exchange.ts), `moveUnsent` (doors/sending/attempt.ts), this method of `Try`, the one
   * of `CallTries`, and the function `replaceUnsent` (call/retry-decision.ts), which decides.
   */
  replaceUnsent(error: unknown): Attempt | undefined
}

/**
 * A try that is under way, as its sender shows it to the call. The senders are `FetchTransfer`, `RequestTransfer` and, for
 * `execute`, `Execution`.
 */
export interface Sending {
  /** Whether any part of the request may have reached the instance. */
  readonly sent: boolean
  /** When the request left the queue of the pool, in ms of the clock. 0 if it was never queued, Infinity while it is. */
  readonly queuedUntil: number
  /** Ends the try with this verdict, unless it has one. The receiver need not be called after this. */
  abort(reason: Error, verdict: Verdict): void
  /** Ends the try at a timeout of the caller. A response that came in time keeps its own verdict. */
  abortAtLimit(reason: Error, verdict: Verdict): void
}

/** How a try ended: with `value` if `ok`, with `error` if not. */
export interface TryResult<T> {
  readonly attempt: Attempt
  readonly sent: boolean
  readonly ok: boolean
  readonly value: T | undefined
  readonly error: unknown
}
