import type { Instance } from '../registry/source.ts'
import type { InstanceCounts } from './instance-events.ts'
import type { ServiceEvent } from './start-events.ts'

/** The state of a breaker. `half-open`: a few probes are let through to find out whether it may close. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Why a breaker changed state. */
export type BreakerReason =
  | 'consecutive-failures'
  | 'failure-rate'
  | 'slow-call-rate'
  | 'open-elapsed'
  | 'probe-failed'
  | 'probes-failed'
  | 'half-open-timeout'
  | 'probes-succeeded'
  | 'outlier'
  | 'isolated'
  | 'by-hand'
  | 'reset'

/** What a breaker had counted when it changed its state. */
export interface BreakerCounts {
  /** Failures in a row. */
  readonly consecutive: number
  /** Results in its window; absent without one. */
  readonly calls?: number
  /** Failures in its window; absent without one. */
  readonly failures?: number
  /** Slow calls in its window; absent without one. */
  readonly slow?: number
  /** The share of failures, or of slow calls, that decided; for these two reasons only. */
  readonly rate?: number
}

/** The breaker of an instance, or of one of its routes, changed its state. */
export interface BreakerEvent extends ServiceEvent {
  readonly instance: Instance
  /** Set when the breaker belongs to one route of the instance. */
  readonly route?: string
  readonly from: BreakerState
  readonly to: BreakerState
  readonly reason: BreakerReason
  /** Milliseconds until a probe may be admitted; on `breaker:open` only. */
  readonly openFor?: number
  /** What decided it; when calls did, on `breaker:open`. */
  readonly counts?: BreakerCounts
  /** Of the instance's last failure; on `breaker:open`. */
  readonly status?: number
  readonly error?: unknown
  /** What is left: the service's instances by state. */
  readonly instances: InstanceCounts
  /** True when the breaker only reports what it would have done. */
  readonly dryRun?: true
}
