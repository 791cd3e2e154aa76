import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** Whether an instance may be picked (`available`), and if not, why. */
export type InstanceState = 'available' | 'open' | 'probing' | 'paused' | 'draining' | 'full' | 'unhealthy'

/** How many instances are in each state. */
export type InstanceCounts = { readonly [State in Exclude<InstanceState, 'unhealthy'> | 'total']: number } & {
  /** The number of instances that fail their health checks; absent if there are none. */
  readonly unhealthy?: number
}

/** An instance was added to the service or removed from it. */
export interface InstanceEvent extends ServiceEvent {
  readonly instance: Instance
}

/** The registry has changed the data of an instance. */
export interface InstanceChangedEvent extends InstanceEvent {
  readonly previous: Instance
  /** The names of the fields that differ. */
  readonly changes: readonly (keyof Instance)[]
}

/** Outlier detection has ejected an instance. Its breaker opens with the reason `outlier`. */
export interface InstanceEjectedEvent extends InstanceEvent {
  /** Milliseconds for which it is ejected. */
  readonly ejectFor: number
  /** The number of its calls in the compared interval. */
  readonly calls: number
  /** How many of these calls succeeded. */
  readonly successes: number
  /** The mean latency of the successes in milliseconds. */
  readonly latency?: number
}

/** Why a health check failed. */
export interface CheckFailure {
  readonly reason: 'status' | 'body' | 'timeout' | 'error' | 'grpc'
  /** The HTTP status of the response, for `status` and `body`. */
  readonly status?: number
  /**
   * What a gRPC server returned, for `grpc`: a serving status such as `NOT_SERVING`, or the status of the call such as
   * `UNIMPLEMENTED (12)`.
   */
  readonly grpc?: string
  readonly error?: unknown
}

/** Health checks have failed. The instance is picked only if no better one is available. */
export interface InstanceUnhealthyEvent extends InstanceEvent, CheckFailure {
  /** The number of checks that failed in a row. */
  readonly failures: number
}

/** The health checks of an instance pass again. */
export interface InstanceHealthyEvent extends InstanceEvent {
  /** Milliseconds for which it was unhealthy. */
  readonly unhealthyFor: number
}

/** A server asked for a pause (Retry-After). It is picked only if no other instance is available. */
export interface InstancePausedEvent extends InstanceEvent {
  readonly route?: string
  /** The length of the pause in milliseconds. */
  readonly pauseFor: number
  /** The HTTP status of the response that asked for the pause. */
  readonly status?: number
}
