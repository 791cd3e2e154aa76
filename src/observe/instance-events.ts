import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** What stands in the way of picking an instance, if anything does. */
export type InstanceState = 'available' | 'open' | 'probing' | 'paused' | 'draining' | 'full' | 'unhealthy'

/** How many instances are in which state. */
export type InstanceCounts = { readonly [State in Exclude<InstanceState, 'unhealthy'> | 'total']: number } & {
  /** Those that their health checks have taken out; absent when there are none. */
  readonly unhealthy?: number
}

/** An instance came or went. */
export interface InstanceEvent extends ServiceEvent {
  readonly instance: Instance
}

/** The registry says something else of an instance than before. */
export interface InstanceChangedEvent extends InstanceEvent {
  readonly previous: Instance
  /** The names of the fields that differ. */
  readonly changes: readonly (keyof Instance)[]
}

/** Outlier detection has taken an instance out; its breaker opens with the reason `outlier`. */
export interface InstanceEjectedEvent extends InstanceEvent {
  /** Milliseconds for which it is taken out. */
  readonly ejectFor: number
  /** Its calls in the interval that was compared. */
  readonly calls: number
  /** Those of its calls that succeeded. */
  readonly successes: number
  /** Mean ms of the successes. */
  readonly latency?: number
}

/** Why a health check failed. */
export interface CheckFailure {
  readonly reason: 'status' | 'body' | 'timeout' | 'error' | 'grpc'
  /** Of the answer, for `status` and `body`. */
  readonly status?: number
  /** What a gRPC server said, for `grpc`: a serving status such as `NOT_SERVING`, or the call's own status such as `UNIMPLEMENTED (12)`. */
  readonly grpc?: string
  readonly error?: unknown
}

/** Health checks have taken an instance out: it is picked only when nobody better is there. */
export interface InstanceUnhealthyEvent extends InstanceEvent, CheckFailure {
  /** Checks that failed in a row. */
  readonly failures: number
}

/** Health checks pass again. */
export interface InstanceHealthyEvent extends InstanceEvent {
  /** Milliseconds. */
  readonly unhealthyFor: number
}

/** A server asked for a pause (Retry-After), and is picked only when nobody else is there. */
export interface InstancePausedEvent extends InstanceEvent {
  readonly route?: string
  /** Milliseconds. */
  readonly pauseFor: number
  /** Of the answer that asked for the pause. */
  readonly status?: number
}
