import type { BreakerPolicy } from '../breaker/policy.ts'

/**
 * Which breaker stands in front of an attempt: index 0 is the instance's own, shared by every route that
 * sets none; each route with breaker options has the next index, and so one breaker per instance.
 */
export interface Guard {
  readonly index: number
  readonly policy: BreakerPolicy
  readonly route: string | undefined
}

/** Whether it is the instance's own. By index: an update makes new guards, and attempts under way keep the old ones. */
export function isInstanceGuard(guard: Guard | undefined): boolean {
  return guard?.index === 0
}
