import type { Instance } from '../registry/source.ts'
import type { AttemptStartEvent, CallStartEvent, Door, ServiceEvent } from './start-events.ts'

export type { AttemptStartEvent, CallStartEvent, Door, ServiceEvent, Within } from './start-events.ts'

/** The state of a breaker. `half-open`: a few probes are let through to find out whether it may close. */
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
  | 'by-hand'
  | 'reset'

/**
 * How a call ended for its caller: with an answer that its plan calls good, with any other answer or error, with a refusal of
 * ours (nothing, or nothing more, was sent), by a deadline, or by the caller's own abort. What a fallback makes of it is told by
 * `call:fallback`.
 */
export type CallOutcome = 'success' | 'failure' | 'refused' | 'timeout' | 'aborted'

/** What stands in the way of picking an instance, if anything does. */
export type InstanceState = 'available' | 'open' | 'probing' | 'paused' | 'draining' | 'full' | 'unhealthy'

/** How many instances are in which state. */
export type InstanceCounts = { readonly [State in Exclude<InstanceState, 'unhealthy'> | 'total']: number } & {
  /** Those that their health checks have taken out; absent when there are none. */
  readonly unhealthy?: number
}

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
  readonly reason: 'status' | 'body' | 'timeout' | 'error'
  /** Of the answer, for `status` and `body`. */
  readonly status?: number
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

/** The source has failed. The last known good instances stay in use. */
export interface SourceStaleEvent extends ServiceEvent {
  /** What the source threw, or a description of why its snapshot was refused. */
  readonly error: unknown
  /** How many last known good instances stay in use. */
  readonly instances: number
}

/** The source works again. */
export interface SourceRecoveredEvent extends ServiceEvent {
  /** How many instances the source has. */
  readonly instances: number
  /** Milliseconds since the source went stale. */
  readonly staleFor: number
}

/** A snapshot of the source had entries that are no instances. The others are used. */
export interface SourceInvalidEvent extends ServiceEvent {
  /** The entries that were dropped from a snapshot, each with the reason. */
  readonly rejected: readonly { readonly entry: unknown; readonly reason: string }[]
}

/** The outcome of one attempt is known. */
export interface AttemptEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** 1 for the first try of a call. */
  readonly attempt: number
  /** Set when it joined a slow try. */
  readonly hedge?: true
  /** Set when it was given up before its outcome was known: by the caller, or because another try was faster. */
  readonly cancelled?: true
  readonly outcome: Outcome
  /** Who is responsible for how it ended; see docs/verdict.md. */
  readonly whose: Whose
  /** Milliseconds from the start of the attempt until its outcome was known. */
  readonly duration: number
  /** Milliseconds of these until its request was on a connection; absent when it never was, and for `execute`. */
  readonly connect?: number
  /** Milliseconds from there to the headers of the answer. */
  readonly firstByte?: number
  /** Of the answer; absent when there was none. */
  readonly status?: number
  readonly error?: unknown
}

/** A try has failed, and another one follows. */
export interface CallRetryEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that failed. */
  readonly attempt: number
  /** Milliseconds until the next attempt. */
  readonly delay: number
  /** Of the answer that is retried; absent when there was none. */
  readonly status?: number
  readonly error?: unknown
}

/** A try is slow, and a second one joins it. */
export interface CallHedgeEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly instance: Instance
  readonly route?: string
  /** The number of the attempt that was overtaken by the hedge. */
  readonly attempt: number
  /** Milliseconds the first attempt had been waiting. */
  readonly after: number
}

/** A call was refused by this client: no instance could be picked, or a limit was reached. */
export interface CallRejectedEvent extends ServiceEvent {
  /** The call's: the same in all of its events. */
  readonly id: string
  readonly route?: string
  readonly error: Error
}

/** A fallback answered in the place of an answer or error. */
export interface CallFallbackEvent extends ServiceEvent {
  readonly route?: string
  readonly error?: unknown
  /** Of the answer that the fallback stands in for; absent when there was none. */
  readonly status?: number
}

/** A call is over: its caller has the headers of an answer, a value, or an error. */
export interface CallEvent extends ServiceEvent {
  /** The same in every event of the call. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Absent for `execute`. */
  readonly method?: string
  /** Without the query, or as `redactPath` has it; absent for `execute`. */
  readonly path?: string
  readonly outcome: CallOutcome
  /** Of the answer that the caller got. */
  readonly status?: number
  /** What the caller's promise was rejected with. */
  readonly error?: unknown
  /** Who answered, or failed last; absent when nobody was tried. */
  readonly instance?: Instance
  /** Set when it had no request of its own: it shares the answer to that of another caller (`coalesce`). */
  readonly coalesced?: true
  /** Tries, hedges included. */
  readonly attempts: number
  /** Those of the tries that joined a slow one. */
  readonly hedges: number
  /** What follows is in milliseconds: from the start of the call to its end. */
  readonly duration: number
  /** Waiting for the first instances. */
  readonly discovery: number
  /** Waiting for a place behind the limits. */
  readonly queue: number
  /** Waiting between tries. */
  readonly backoff: number
  /** The last try, until its request was on a connection; absent when it never was, and for `execute`. */
  readonly connect?: number
  /** The last try, from there to the headers of its answer. */
  readonly firstByte?: number
  /** A further try was wanted, and this forbade it. */
  readonly retriesDenied?: 'budget' | 'breaker'
  /** The deadline that ran out: `timeout.total`, or the one of the caller's own caller. */
  readonly deadline?: 'total' | 'caller'
}

/** The body of a call's answer is over too; without one, it comes right after `call`. */
export interface CallEndEvent extends ServiceEvent {
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Bytes of the body, as they came over the connection. */
  readonly bytes: number
  /** Whether it ended before it was complete: the connection broke, or the caller stopped reading. */
  readonly truncated: boolean
  /** Milliseconds from the start of the call. */
  readonly duration: number
}

/** What was done by hand. `expired`: the time is over for which it was done. */
export type ControlAction = 'isolate' | 'drain' | 'weigh' | 'open' | 'restore' | 'reset' | 'expired'

/** Somebody did something by hand, or what was done is over. */
export interface ControlEvent extends ServiceEvent {
  readonly action: ControlAction
  /** The instance's; absent when it was done to all. */
  readonly id?: string
  readonly reason?: string
  /** Unix milliseconds; absent: until it is taken back. */
  readonly until?: number
  /** The weight that was set; for `weigh` only. */
  readonly weight?: number
}

/** The options of a client were changed while it was in use. */
export interface ConfigChangedEvent extends ServiceEvent {
  /** Names of the options that differ now, `breaker`, `routes['GET /users/{id}']`. */
  readonly changed: readonly string[]
  /** Who did it, as `update()` was told. */
  readonly by?: string
}

/** Event name → payload, for `client.on(name, listener)`. */
export interface ClientEvents {
  'breaker:open': BreakerEvent
  'breaker:half-open': BreakerEvent
  'breaker:close': BreakerEvent
  'instance:added': InstanceEvent
  'instance:changed': InstanceChangedEvent
  'instance:removed': InstanceEvent
  'instance:ejected': InstanceEjectedEvent
  'instance:paused': InstancePausedEvent
  'instance:unhealthy': InstanceUnhealthyEvent
  'instance:healthy': InstanceHealthyEvent
  'source:stale': SourceStaleEvent
  'source:recovered': SourceRecoveredEvent
  'source:invalid': SourceInvalidEvent
  'call:retry': CallRetryEvent
  'call:hedge': CallHedgeEvent
  'call:rejected': CallRejectedEvent
  'call:fallback': CallFallbackEvent
  'call:start': CallStartEvent
  call: CallEvent
  'call:end': CallEndEvent
  'attempt:start': AttemptStartEvent
  attempt: AttemptEvent
  control: ControlEvent
  'config:changed': ConfigChangedEvent
}
