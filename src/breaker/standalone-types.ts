import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerState, Outcome } from '../observe/events.ts'
import type { BreakerOptions } from './policy.ts'
import type { ClassifyResult } from './result.ts'
import type { Transition } from './transition.ts'

/** What `new CircuitBreaker()` takes. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** What it stands in front of, for its errors, events and snapshots. */
  readonly name?: string
  /**
   * Milliseconds for each call of `execute`. Then it rejects with a `TimeoutError`, which counts as a failure, and the signal that
   * the function was given aborts.
   * @default none
   */
  readonly timeout?: number
  /** False: calls pass and are not counted. May be switched while it is in use. @default true */
  readonly enabled?: boolean
  /**
   * How a settled call counts, or undefined for the default: a fulfilled one is a `'success'`, a rejected one a
   * `'failure'`, a refusal by Outrigger `'ignored'`, and a `Response` counts by its status: a 5xx (but 501 and 505) is a
   * `'failure'`, 429 an `'overload'`. Not asked when the caller's signal aborted. If it throws or returns no outcome, there is a
   * warning, and the default is used.
   */
  readonly classify?: ClassifyResult
  /** @default the system's monotonic clock */
  readonly clock?: Clock
}

/** A breaker changed its state. */
export interface CircuitBreakerEvent extends Transition {
  /** Unix milliseconds (on an injected clock: its `now() + epoch`). */
  readonly at: number
  readonly name?: string
  /** What the last failed call was rejected with, or resolved to; on `open` only. */
  readonly error?: unknown
}

/** A call was refused. */
export interface CircuitBreakerRefusedEvent {
  /** Unix milliseconds. */
  readonly at: number
  readonly name?: string
  /** Milliseconds until a call may be let through; `Infinity` when isolated by hand. */
  readonly retryAfter: number
}

/** Event name → payload, for `breaker.on(name, listener)`. */
export interface CircuitBreakerEvents {
  open: CircuitBreakerEvent
  'half-open': CircuitBreakerEvent
  close: CircuitBreakerEvent
  refused: CircuitBreakerRefusedEvent
}

/** The names of the events of a breaker. */
export type CircuitBreakerEventName = keyof CircuitBreakerEvents

/** The state of a breaker as plain JSON. */
export interface CircuitBreakerSnapshot {
  readonly name?: string
  readonly state: BreakerState
  /** Open until `reset()`. */
  readonly isolated: boolean
  readonly enabled: boolean
  readonly dryRun: boolean
  /** What is counted now. */
  readonly counts: BreakerCounts
  /** Calls refused so far. */
  readonly refused: number
  /** Milliseconds until a call may be let through: 0 if one may be now, absent when isolated. */
  readonly retryAfter?: number
}

/** What `toJSON()` gives and `restore()` takes. */
export type CircuitBreakerState =
  | { readonly state: 'closed' }
  | {
      readonly state: 'open'
      readonly retryAfter: number
      /** How far `openFor` has grown: so many times `factor`. Absent while it has not. */
      readonly growth?: number
    }
  | { readonly state: 'isolated' }

/** What a breaker's `execute()` takes beside its function. */
export interface ExecuteOptions {
  /**
   * The caller's own signal, handed to the function. The call ends as soon as it aborts, even if the function goes on.
   * A `TimeoutError`, as of `AbortSignal.timeout()`, counts as a failure; any other reason is not counted.
   */
  readonly signal?: AbortSignal | undefined
}

/** How `wrap()` calls the function. */
export interface WrapOptions {
  /** `'first'`: its first argument is the `{ signal }` that `execute()` gives. @default none */
  readonly context?: 'first'
}

/** What a breaker gives to the function that it runs. */
export interface ExecuteContext {
  /** Aborts with the caller's signal, and when `timeout` is over; without either it never does. */
  readonly signal: AbortSignal
}

/** One admitted try. Settled once; what comes later is not counted. */
export interface Permit extends Disposable {
  /** `ms` is how long it took, by default the time since it was acquired. What throws settles nothing. */
  settle(outcome: Outcome, ms?: number): void
}
