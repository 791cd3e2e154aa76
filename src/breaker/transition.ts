import type { BreakerCounts, BreakerReason, BreakerState } from '../observe/events.ts'

export interface Transition {
  readonly from: BreakerState
  readonly to: BreakerState
  readonly reason: BreakerReason
  /** Milliseconds until a probe may be admitted, if `to` is `'open'`; `Infinity` if isolated by hand. */
  readonly openFor?: number
  /** The counts, if results of calls caused the transition. */
  readonly counts?: BreakerCounts
  /** True if the breaker only reports what it would do. */
  readonly dryRun?: true
}
