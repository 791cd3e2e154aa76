import type { BreakerOptions } from '../breaker/policy.ts'
import type { CoalesceOptions } from '../fallback/coalesce.ts'
import type { StaleOptions } from '../fallback/stale.ts'
import type { Fallback } from '../fallback/types.ts'
import type { OwnHeaders } from '../headers/own-headers.ts'
import type { LimitOptions } from '../limit/policy.ts'
import type { Priority } from '../limit/priority.ts'
import type { ThrottleOptions } from '../limit/throttle.ts'
import type { MirrorOptions } from '../mirror/options.ts'
import type { HedgeOptions } from '../retry/hedge.ts'
import type { RetryOptions } from '../retry/policy.ts'
import type { TrafficRule } from '../traffic/options.ts'
import type { ContractPolicy, RouteContract } from '../typed/contract.ts'
import type { Classify } from '../verdict/classify.ts'

/**
 * Timeouts in milliseconds. Each must be a number > 0; `Infinity` means none. The first one that is reached ends the
 * call or the attempt.
 */
export interface TimeoutOptions {
  /**
   * The time for the call, from its start to the headers of its response: it includes the wait for the first
   * instances, every try and the waits between them. The call then rejects with a `TimeoutError`.
   * @default 30_000
   */
  total?: number
  /** The time for each try, until the headers of its response. @default none */
  attempt?: number
  /**
   * The time for each try until its request is on a connection. A request that was on none is retried, whatever its
   * method.
   * @default 10_000
   */
  connect?: number
  /**
   * The time between two chunks of a response body. The body then fails with a `TimeoutError`.
   * @default none (undici's own `bodyTimeout` of 300_000 applies)
   */
  idle?: number
}

/** The maximum number of calls in flight. A number is `max`. */
export type RouteLimit = number | 'adaptive' | LimitOptions

/**
 * The rule of a route in `routes`. An option that it does not set is the client's. An option of the wrong type throws
 * a TypeError, and a number out of range a RangeError; both name the route and the option.
 */
export interface RouteRule extends RouteContract, ContractPolicy {
  /**
   * An object gives the route a separate breaker on each instance. With `false`, calls of the route are neither
   * guarded nor counted by a breaker. @default the client's
   *
   * @example
   * breaker: { failureThreshold: 3, openFor: 10_000 }
   */
  breaker?: BreakerOptions | false
  /** `false`: calls of the route are not retried. @default the client's */
  retry?: RetryOptions | false
  /**
   * In milliseconds. A number is `total`. `false` turns all timeouts off. Timeouts that are left out are the
   * client's.
   * @default the client's
   *
   * @example
   * timeout: { attempt: 300 }
   */
  timeout?: number | TimeoutOptions | false
  /** `false`: calls of the route are not hedged. @default the client's */
  hedge?: HedgeOptions | false
  /**
   * True if sending a request twice has the same effect as sending it once, so that it may be retried and hedged.
   * @default true for the idempotent methods (RFC 9110, section 9.2.2) and for a request with an `Idempotency-Key`
   */
  idempotent?: boolean
  /** True if a call waits for the first instances even if the source has failed. @default the client's */
  waitForReady?: boolean
  /**
   * An additional limit for calls of this route. A call must pass the client's limit first. `false` exempts the route
   * from both limits. @default only the client's
   */
  limit?: RouteLimit | false
  /** `false`: calls of the route are not throttled. @default the client's */
  throttle?: ThrottleOptions | false
  /** The importance of the calls: if there are too many, less important ones are refused first. @default 'default' */
  priority?: Priority
  /** `false`: the route has no fallback. @default the client's */
  fallback?: Fallback | false
  /** `false`: no response of the route is stored or served again. @default the client's */
  stale?: StaleOptions | false
  /** `false`: calls of the route do not share requests. @default the client's */
  coalesce?: boolean | CoalesceOptions
  /** Decides what a response or an error says about its instance. @default the client's */
  classify?: Classify
  /** Replaces the client's rules. `false`: calls of the route may go to any instance. @default the client's */
  traffic?: readonly TrafficRule[] | false
  /** Replaces the client's mirror. `false`: requests of the route are not copied. @default the client's */
  mirror?: MirrorOptions | false
  /**
   * Headers to send in addition to the client's. A header of the same name replaces the client's. @default only the
   * client's
   */
  headers?: OwnHeaders
}
