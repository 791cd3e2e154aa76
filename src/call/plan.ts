import type { Classify } from '../attempt/classify.ts'
import type { Guard } from '../fleet/guard.ts'
import type { RetryPolicy } from '../retry/policy.ts'
import type { RouteKey } from '../routes/key.ts'

export interface TimeoutPolicy {
  /** Milliseconds for the whole call, until the headers of its answer; Infinity for none. */
  readonly total: number
  /** Milliseconds for each try; Infinity for none. */
  readonly attempt: number
}

/** A call's policy: client options and one route's rule merged once, at construction. */
export interface Plan {
  /** Undefined for calls that match no declared route. */
  readonly route: RouteKey | undefined
  readonly guard: Guard | undefined
  readonly timeout: TimeoutPolicy
  readonly retry: RetryPolicy | undefined
  readonly classify: Classify | undefined
}
