import type { Instance } from '../registry/source.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** How one attempt ended, as far as the health of its instance is concerned. */
export type Outcome = 'success' | 'failure' | 'overload' | 'ignored'

/** Who is responsible for how an attempt ended. `path`: something between this process and the instance. */
export type Whose = 'instance' | 'client' | 'caller' | 'path'

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
  | 'reset'

export interface ServiceEvent {
  readonly service: string
  /** Unix milliseconds (on an injected clock: its `now() + epoch`). */
  readonly at: number
}

export interface BreakerEvent extends ServiceEvent {
  readonly instance: Instance
  /** Set when the breaker belongs to one route of the instance. */
  readonly route?: string
  readonly from: BreakerState
  readonly to: BreakerState
  readonly reason: BreakerReason
  /** Milliseconds until a probe may be admitted; on `breaker:open` only. */
  readonly openFor?: number
  /** True when the breaker only reports what it would have done. */
  readonly dryRun?: true
}

export interface InstanceEvent extends ServiceEvent {
  readonly instance: Instance
}

export interface InstanceChangedEvent extends InstanceEvent {
  readonly previous: Instance
}

export interface SourceStaleEvent extends ServiceEvent {
  /** What the source threw, or a description of why its snapshot was refused. */
  readonly error: unknown
  /** How many last known good instances stay in use. */
  readonly instances: number
}

export interface SourceRecoveredEvent extends ServiceEvent {
  readonly instances: number
  /** Milliseconds since the source went stale. */
  readonly staleFor: number
}

export interface SourceInvalidEvent extends ServiceEvent {
  /** The entries that were dropped from a snapshot, each with the reason. */
  readonly rejected: readonly { readonly entry: unknown; readonly reason: string }[]
}

export interface AttemptEvent extends ServiceEvent {
  readonly instance: Instance
  readonly route?: string
  /** 1 for the first try of a call. */
  readonly attempt: number
  readonly outcome: Outcome
  /** Who is responsible for how it ended; see docs/verdict.md. */
  readonly whose: Whose
  /** Milliseconds from the start of the attempt until its outcome was known. */
  readonly duration: number
  readonly status?: number
  readonly error?: unknown
}

export interface CallRetryEvent extends ServiceEvent {
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that failed. */
  readonly attempt: number
  /** Milliseconds until the next attempt. */
  readonly delay: number
  readonly status?: number
  readonly error?: unknown
}

export interface CallHedgeEvent extends ServiceEvent {
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that was overtaken by the hedge. */
  readonly attempt: number
  /** Milliseconds the first attempt had been waiting. */
  readonly after: number
}

export interface CallRejectedEvent extends ServiceEvent {
  readonly route?: string
  readonly error: Error
}

export interface CallFallbackEvent extends ServiceEvent {
  readonly route?: string
  readonly error?: unknown
  readonly status?: number
}

/** Event name → payload, for `client.on(name, listener)`. */
export interface ClientEvents {
  'breaker:open': BreakerEvent
  'breaker:half-open': BreakerEvent
  'breaker:close': BreakerEvent
  'instance:added': InstanceEvent
  'instance:changed': InstanceChangedEvent
  'instance:removed': InstanceEvent
  'source:stale': SourceStaleEvent
  'source:recovered': SourceRecoveredEvent
  'source:invalid': SourceInvalidEvent
  'call:retry': CallRetryEvent
  'call:hedge': CallHedgeEvent
  'call:rejected': CallRejectedEvent
  'call:fallback': CallFallbackEvent
  attempt: AttemptEvent
}
