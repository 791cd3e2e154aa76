import type { ServiceEvent } from './start-events.ts'

/** The source has failed. The last known instances stay in use. */
export interface SourceStaleEvent extends ServiceEvent {
  /** The error of the source, or a text that says why its snapshot was rejected. */
  readonly error: unknown
  /** How many last known instances stay in use. */
  readonly instances: number
}

/** The source works again. */
export interface SourceRecoveredEvent extends ServiceEvent {
  /** How many instances the source has now. */
  readonly instances: number
  /** Milliseconds since the source failed. */
  readonly staleFor: number
}

/** A snapshot of the source contained entries that are not valid instances. The valid ones are used. */
export interface SourceInvalidEvent extends ServiceEvent {
  /** The entries that were rejected, each with the reason. */
  readonly rejected: readonly { readonly entry: unknown; readonly reason: string }[]
}
