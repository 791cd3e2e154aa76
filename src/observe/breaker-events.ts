import type { Instance } from '../registry/source.ts'
import type { InstanceCounts } from './instance-events.ts'
import type { ServiceEvent } from './start-events.ts'

/** The state of a breaker. A `half-open` breaker admits a few probes to find out whether it may close. */
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
  /** The number of results in its window; absent without a window. */
  readonly calls?: number
  /** The number of failures in its window; absent without a window. */
  readonly failures?: number
  /** The number of slow calls in its window; absent without a window. */
  readonly slow?: number
  /**
   * The share of failures or slow calls that opened the breaker, 0 to 1. Only for the reasons `failure-rate` and
   * `slow-call-rate`.
   */
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
  /** Milliseconds until a probe may be admitted. Only on `breaker:open`. */
  readonly openFor?: number
  /** What the breaker had counted. Only on `breaker:open`, and only if results of calls opened it. */
  readonly counts?: BreakerCounts
  /** The HTTP status of the instance's last failure. Only on `breaker:open`. */
  readonly status?: number
  readonly error?: unknown
  /** How many instances of the service are now in each state. */
  readonly instances: InstanceCounts
  /** True if the breaker only reports what it would do (option `dryRun`). */
  readonly dryRun?: true
}
