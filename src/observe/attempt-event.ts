import type { Instance } from '../registry/source.ts'
import type { ServiceEvent } from './start-events.ts'

/** How one attempt ended, as far as the health of its instance is concerned. */
export type Outcome = 'success' | 'failure' | 'overload' | 'ignored'

/** Who is responsible for how an attempt ended. `path`: something between this process and the instance. */
export type Whose = 'instance' | 'client' | 'caller' | 'path'

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
