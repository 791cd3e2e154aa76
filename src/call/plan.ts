import type { Coalescer } from '../fallback/coalesce.ts'
import type { StaleCache } from '../fallback/stale.ts'
import type { Fallback } from '../fallback/types.ts'
import type { Guard } from '../fleet/guard.ts'
import type { HeaderSource } from '../headers/own-headers.ts'
import type { Hedge } from '../retry/hedge.ts'
import type { Limiter } from '../limit/limiter.ts'
import type { Priority } from '../limit/priority.ts'
import type { Mirror } from '../mirror/mirror.ts'
import type { Throttle } from '../limit/throttle.ts'
import type { RetryPolicy } from '../retry/policy.ts'
import type { RouteKey } from '../routes/key.ts'
import type { Traffic } from '../traffic/traffic.ts'
import type { Contract } from '../typed/contract.ts'
import type { Classify } from '../verdict/classify.ts'

/** Milliseconds; Infinity for none. */
export interface TimeoutPolicy {
  /** The whole call, until the headers of its answer. */
  readonly total: number
  /** Each try, until the headers of its answer. */
  readonly attempt: number
  /** Each try, until its request is on a connection. */
  readonly connect: number
  /** Between two pieces of a response's body. */
  readonly idle: number
}

/** Request headers that tell the server about the call. */
export interface HeaderPolicy {
  /** Carries the number of the attempt. */
  readonly attempt: string | undefined
  /** Carries the milliseconds that are left. */
  readonly deadline: string | undefined
  /** What the user's options add. */
  readonly own: HeaderSource | undefined
}

/** What the call falls back to, and whom it shares its request with. */
export interface FallbackPolicy {
  readonly answer: Fallback | undefined
  readonly stale: StaleCache | undefined
  readonly coalescer: Coalescer | undefined
}

/** A call's policy: client options and one route's rule merged once, at construction. */
export interface Plan {
  /** Undefined for calls that match no declared route. */
  readonly route: RouteKey | undefined
  readonly guard: Guard | undefined
  /** Which instances a call may go to. */
  readonly traffic: Traffic | undefined
  /** Which requests are copied, and to whom. */
  readonly mirror: Mirror | undefined
  readonly timeout: TimeoutPolicy
  /** Whether a call waits for the first instances though the source has failed. */
  readonly waitForReady: boolean
  readonly retry: RetryPolicy | undefined
  readonly hedge: Hedge | undefined
  /** Undefined: as the method says. */
  readonly idempotent: boolean | undefined
  /** Every limit in the way: the client's, then the route's. */
  readonly limiters: readonly Limiter[]
  readonly throttle: Throttle | undefined
  readonly priority: Priority
  readonly headers: HeaderPolicy
  readonly fallback: FallbackPolicy
  readonly classify: Classify | undefined
  /** For calls by route key. */
  readonly contract: Contract | undefined
}
