import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerState, Outcome } from '../observe/events.ts'
import type { BreakerOptions } from './policy.ts'
import type { ClassifyResult } from './result.ts'
import type { Transition } from './transition.ts'

/** The options of `new CircuitBreaker()`. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** The name of the guarded resource, for errors, events and snapshots. */
  readonly name?: string
  /**
   * The timeout of each call of `execute`, in milliseconds. After it the call rejects with a `TimeoutError`, which counts as a
   * failure, and the function's signal aborts.
   * @default none
   */
  readonly timeout?: number
  /** False if calls pass without being counted. It can be changed at any time. @default true */
  readonly enabled?: boolean
  /**
   * Returns how a settled call counts, or undefined for the default. By default a fulfilled call is a `'success'`, a rejected one
   * a `'failure'`, and a refusal by Outrigger `'ignored'`. A `Response` counts by its status: 5xx except 501 and 505 is a
   * `'failure'`, 429 an `'overload'`. Not called when the caller's signal aborts. If it throws or returns no outcome, there is a
   * warning, and the default is used.
   */
  readonly classify?: ClassifyResult
  /** @default the system's monotonic clock */
  readonly clock?: Clock
}

/** A breaker has changed its state. */
export interface CircuitBreakerEvent extends Transition {
  /** The time in Unix milliseconds. With an injected clock it is `now() + epoch`. */
  readonly at: number
  readonly name?: string
  /** The error or value of the last failed call. Only on `open`. */
  readonly error?: unknown
}

/** A call was refused. */
export interface CircuitBreakerRefusedEvent {
  /** The time in Unix milliseconds. */
  readonly at: number
  readonly name?: string
  /** Milliseconds until a call may be admitted; `Infinity` if isolated by hand. */
  readonly retryAfter: number
}

/** Maps each event name to its payload, for `breaker.on(name, listener)`. */
export interface CircuitBreakerEvents {
  open: CircuitBreakerEvent & Required<Pick<CircuitBreakerEvent, 'openFor'>>
  'half-open': CircuitBreakerEvent
  close: CircuitBreakerEvent
  refused: CircuitBreakerRefusedEvent
}

/** The names of a breaker's events. */
export type CircuitBreakerEventName = keyof CircuitBreakerEvents

/** The state of a breaker as plain JSON. */
export interface CircuitBreakerSnapshot {
  readonly name?: string
  readonly state: BreakerState
  /** True while the breaker is open until `reset()`. */
  readonly isolated: boolean
  readonly enabled: boolean
  readonly dryRun: boolean
  /** The current counts. */
  readonly counts: BreakerCounts
  /** The number of refused calls. */
  readonly refused: number
  /** Milliseconds until a call may be admitted: 0 if one may be now, absent if isolated. */
  readonly retryAfter?: number
}

/** What `toJSON()` returns and `restore()` accepts. */
export type CircuitBreakerState =
  | { readonly state: 'closed' }
  | {
      readonly state: 'open'
      readonly retryAfter: number
      /** How many times `openFor` has grown by its `factor`. Absent if it has not grown. */
      readonly growth?: number
    }
  | { readonly state: 'isolated' }

/** The options of a breaker's `execute()`. */
export interface ExecuteOptions {
  /**
   * The caller's signal. It is passed to the function. The call ends as soon as it aborts, even if the function goes on. A
   * `TimeoutError`, like that of `AbortSignal.timeout()`, counts as a failure. Any other reason is not counted.
   */
  readonly signal?: AbortSignal | undefined
}

/** How `wrap()` calls the function. */
export interface WrapOptions {
  /** `'first'`: the first argument of the function is the `{ signal }` that `execute()` passes. @default none */
  readonly context?: 'first'
}

/** What a breaker passes to the function that it runs. */
export interface ExecuteContext {
  /** Aborts with the caller's signal and after `timeout`. Without these it never aborts. */
  readonly signal: AbortSignal
}

/** One admitted call. It is settled once; later results are not counted. */
export interface Permit extends Disposable {
  /**
   * `ms` is the duration in milliseconds, by default the time since the permit was acquired. If it throws, the permit is not
   * settled.
   */
  settle(outcome: Outcome, ms?: number): void
}
