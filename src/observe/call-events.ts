import type { Instance } from '../registry/source.ts'
import type { Door, ServiceEvent } from './start-events.ts'

/**
 * How a call ended for its caller:
 * - `success`: with a response that counts as good by the call's plan.
 * - `failure`: with any other response or error.
 * - `refused`: this client refused to send a request, or a further one.
 * - `timeout`: the deadline of the call ran out.
 * - `aborted`: the caller aborted the call.
 *
 * A stored response or a fallback does not change the outcome. `call:fallback` reports them.
 */
export type CallOutcome = 'success' | 'failure' | 'refused' | 'timeout' | 'aborted'

/**
 * Why a call that failed was not tried again, or not once more:
 * - `off`: retries are off (`retry: false`), or the call came through the dispatcher.
 * - `not-idempotent`: the method is not idempotent.
 * - `body`: the request body cannot be sent again.
 * - `verdict`: the last try ended in a way that another instance would not change.
 * - `status`: the status of the response is not one that is retried.
 * - `when`: the function `retry.when` did not ask for another try.
 * - `attempts`, `budget`, `time`: the attempts, the retry budget or the time of the call were used up.
 * - `breaker`, `limit`, `no-instance`: no instance was available for another try.
 * - `retry-after`: the only instance asks for a longer pause than the client accepts.
 * - `closed`: the client is closed.
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
 * A try has failed and another one is planned: it has been charged to the retry budget and starts after `delay`. The
 * client does not make it if the call ends before that, or if no instance is available then.
 */
export interface CallRetryEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that failed. */
  readonly attempt: number
  /** Milliseconds until the next attempt. */
  readonly delay: number
  /** The HTTP status of the response that is retried; absent if there was none. */
  readonly status?: number
  readonly error?: unknown
}

/** A try is slow, so the client starts a second one beside it. */
export interface CallHedgeEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the slow attempt. */
  readonly attempt: number
  /** Milliseconds that the slow attempt had waited. */
  readonly after: number
}

/** This client refused a call: no instance was available, or a limit was reached. */
export interface CallRejectedEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly route?: string
  readonly error: Error
}

/** A stored response (option `stale`) or a fallback has replaced a response or an error. */
export interface CallFallbackEvent extends ServiceEvent {
  readonly route?: string
  readonly error?: unknown
  /** The HTTP status of the response that the fallback replaces; absent if there was none. */
  readonly status?: number
}

/** A call has ended: its caller has the response headers, a value or an error. */
export interface CallEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Absent for `execute`. */
  readonly method?: string
  /** The path without its query, or what `redactPath` returned; absent for `execute`. */
  readonly path?: string
  readonly outcome: CallOutcome
  /** The HTTP status of the response that the caller got. */
  readonly status?: number
  /** The error that rejected the caller's promise. */
  readonly error?: unknown
  /** The instance that answered, or the one that failed last; absent if none was tried. */
  readonly instance?: Instance
  /**
   * True if the call sent no request, because it shares the response to another caller's request (option `coalesce`).
   */
  readonly coalesced?: true
  /** The number of tries, including hedges. */
  readonly attempts: number
  /** The number of hedges: tries that were started because an earlier one was slow. */
  readonly hedges: number
  /** Milliseconds from the start of the call to its end. All times below are in milliseconds too. */
  readonly duration: number
  /** The time that the call waited for the first instances. */
  readonly discovery: number
  /** The time that the call waited for a place because of `limits`. */
  readonly queue: number
  /** The time that the call waited between tries. */
  readonly backoff: number
  /**
   * The time from the start of the last try until its request was on a connection. Absent if it never was, and for
   * `execute`.
   */
  readonly connect?: number
  /** The time from that moment until the response headers of the last try. */
  readonly firstByte?: number
  /** What forbade a further try that the client wanted to make. */
  readonly retriesDenied?: 'budget' | 'breaker'
  /** Why there was no further try. Absent after a good response, a deadline or an abort, and if nothing was tried. */
  readonly notRetried?: NotRetried
  /**
   * The deadline that ran out: `total` is `timeout.total`, `caller` is the deadline of the request that this call
   * serves.
   */
  readonly deadline?: 'total' | 'caller'
}

/** The response body of a call has ended too. Without a body, the event comes right after `call`. */
export interface CallEndEvent extends ServiceEvent {
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** The number of body bytes, as received on the connection. */
  readonly bytes: number
  /** True if the body ended before it was complete: the connection broke, or the caller stopped reading. */
  readonly truncated: boolean
  /** Milliseconds from the start of the call. */
  readonly duration: number
}
