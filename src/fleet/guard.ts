import type { BreakerPolicy } from '../breaker/policy.ts'

/**
 * Which breaker of an endpoint an attempt must pass. Index 0 is the instance's breaker. All routes without breaker options
 * share it. Each route with breaker options has an index, and so a separate breaker on each instance.
 */
export interface Guard {
  readonly index: number
  readonly policy: BreakerPolicy
  readonly route: string | undefined
}

/**
 * True for the instance's breaker. Compares the index, because `client.update()` makes new guards and attempts under
 * way keep the old ones.
 */
export function isInstanceGuard(guard: Guard | undefined): boolean {
  return guard?.index === 0
}
