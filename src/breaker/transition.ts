import type { BreakerCounts, BreakerReason, BreakerState } from '../observe/events.ts'

export interface Transition {
  readonly from: BreakerState
  readonly to: BreakerState
  readonly reason: BreakerReason
  /** Milliseconds until a probe may be admitted, when `to` is `'open'`; `Infinity` when isolated by hand. */
  readonly openFor?: number
  /** What had been counted, when calls decided it. */
  readonly counts?: BreakerCounts
  /** True when the breaker only reports what it would have done. */
  readonly dryRun?: true
}
