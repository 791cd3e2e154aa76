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

/** All in milliseconds. Infinity means no timeout. */
export interface TimeoutPolicy {
  /** For the call, until its response headers. */
  readonly total: number
  /** For each try, until its response headers. */
  readonly attempt: number
  /** For each try, until its request is on a connection. */
  readonly connect: number
  /** Between two chunks of a response body. */
  readonly idle: number
}

/** Request headers that tell the server about the call. */
export interface HeaderPolicy {
  /** The name of the header with the number of the attempt. Undefined means that none is sent. */
  readonly attempt: string | undefined
  /** The name of the header with the milliseconds until the deadline. Undefined means that none is sent. */
  readonly deadline: string | undefined
  /** The option `headers`. */
  readonly own: HeaderSource | undefined
}

/** The sources of a response besides the request of this call. */
export interface FallbackPolicy {
  readonly answer: Fallback | undefined
  readonly stale: StaleCache | undefined
  readonly coalescer: Coalescer | undefined
}

/** The policy of a call: client options and one route's rule, merged at construction. */
export interface Plan {
  /** Undefined for calls that match no route of the options. */
  readonly route: RouteKey | undefined
  readonly guard: Guard | undefined
  /** Which instances a call may go to. */
  readonly traffic: Traffic | undefined
  /** Which requests are copied, and where the copies go. */
  readonly mirror: Mirror | undefined
  readonly timeout: TimeoutPolicy
  /** Whether a call waits for the first instances even if the source has failed. */
  readonly waitForReady: boolean
  readonly retry: RetryPolicy | undefined
  readonly hedge: Hedge | undefined
  /** Undefined means that the method decides. */
  readonly idempotent: boolean | undefined
  /** The client's limit, then the route's. */
  readonly limiters: readonly Limiter[]
  readonly throttle: Throttle | undefined
  readonly priority: Priority
  readonly headers: HeaderPolicy
  readonly fallback: FallbackPolicy
  readonly classify: Classify | undefined
  /** Used by calls that name a route key. */
  readonly contract: Contract | undefined
}
