import type { Instance } from '../registry/source.ts'
import type { Door, ServiceEvent } from './start-events.ts'

/**
 * How a call ended for its caller: with an answer that its plan calls good, with any other answer or error, with a refusal of
 * ours (nothing, or nothing more, was sent), by a deadline, or by the caller's own abort. What a fallback makes of it is told by
 * `call:fallback`.
 */
export type CallOutcome = 'success' | 'failure' | 'refused' | 'timeout' | 'aborted'

/**
 * Why a call that failed was not tried again, or not once more. What the call is: `off` (`retry: false`, or through the dispatcher),
 * `not-idempotent`, `body` (it cannot be sent again). How its last try ended: `verdict` (nothing would be better elsewhere), `status`
 * (an answer that is not sent for again). What your own function said: `when`. What was used up: `attempts`, `budget`, `time`. Who there was:
 * `breaker`, `limit`, `no-instance`, `retry-after` (the only one, and it wants a longer pause than is believed). `closed`: the client is.
 */
export type NotRetried =
  | 'off'
  | 'not-idempotent'
  | 'body'
  | 'verdict'
  | 'status'
  | 'when'
  | 'attempts'
  | 'budget'
  | 'time'
  | 'retry-after'
  | 'breaker'
  | 'limit'
  | 'no-instance'
  | 'closed'

/**
 * A try has failed, and another one is planned: it was counted against the budget, and comes after `delay`. It is not made if the call ends
 * before that, or if no instance can be tried then.
 */
export interface CallRetryEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that failed. */
  readonly attempt: number
  /** Milliseconds until the next attempt. */
  readonly delay: number
  /** Of the answer that is retried; absent when there was none. */
  readonly status?: number
  readonly error?: unknown
}

/** A try is slow, and a second one joins it. */
export interface CallHedgeEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that was overtaken by the hedge. */
  readonly attempt: number
  /** Milliseconds the first attempt had been waiting. */
  readonly after: number
}

/** A call was refused by this client: no instance could be picked, or a limit was reached. */
export interface CallRejectedEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly route?: string
  readonly error: Error
}

/** A fallback answered in the place of an answer or error. */
export interface CallFallbackEvent extends ServiceEvent {
  readonly route?: string
  readonly error?: unknown
  /** Of the answer that the fallback stands in for; absent when there was none. */
  readonly status?: number
}

/** A call is over: its caller has the headers of an answer, a value, or an error. */
export interface CallEvent extends ServiceEvent {
  /** The same in every event of the call. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Absent for `execute`. */
  readonly method?: string
  /** Without the query, or as `redactPath` has it; absent for `execute`. */
  readonly path?: string
  readonly outcome: CallOutcome
  /** Of the answer that the caller got. */
  readonly status?: number
  /** What the caller's promise was rejected with. */
  readonly error?: unknown
  /** Who answered, or failed last; absent when nobody was tried. */
  readonly instance?: Instance
  /** Set when it had no request of its own: it shares the answer to that of another caller (`coalesce`). */
  readonly coalesced?: true
  /** Tries, hedges included. */
  readonly attempts: number
  /** Those of the tries that joined a slow one. */
  readonly hedges: number
  /** What follows is in milliseconds: from the start of the call to its end. */
  readonly duration: number
  /** Waiting for the first instances. */
  readonly discovery: number
  /** Waiting for a place behind the limits. */
  readonly queue: number
  /** Waiting between tries. */
  readonly backoff: number
  /** The last try, until its request was on a connection; absent when it never was, and for `execute`. */
  readonly connect?: number
  /** The last try, from there to the headers of its answer. */
  readonly firstByte?: number
  /** A further try was wanted, and this forbade it. */
  readonly retriesDenied?: 'budget' | 'breaker'
  /** Why there was no further try; absent after a good answer, a deadline, an abort, and where nothing was tried. */
  readonly notRetried?: NotRetried
  /** The deadline that ran out: `timeout.total`, or the one of the caller's own caller. */
  readonly deadline?: 'total' | 'caller'
}

/** The body of a call's answer is over too; without one, it comes right after `call`. */
export interface CallEndEvent extends ServiceEvent {
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Bytes of the body, as they came over the connection. */
  readonly bytes: number
  /** Whether it ended before it was complete: the connection broke, or the caller stopped reading. */
  readonly truncated: boolean
  /** Milliseconds from the start of the call. */
  readonly duration: number
}
