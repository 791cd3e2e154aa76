import type { ServiceEvent } from './start-events.ts'

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
