import type { Instance } from '../registry/source.ts'

/** What every event of a client has. */
export interface ServiceEvent {
  readonly service: string
  /** Unix milliseconds (on an injected clock: its `now() + epoch`). */
  readonly at: number
}

/** The way by which a call came in. */
export type Door = 'fetch' | 'request' | 'execute' | 'dispatcher'

/** A call begins; its caller's async context is the current one. */
export interface CallStartEvent extends ServiceEvent {
  /** The same in every event of the call. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Absent for `execute`. */
  readonly method?: string
  /** Without the query, or as `redactPath` has it; absent for `execute`. */
  readonly path?: string
  /** The logical URL with that path; absent for `execute`. */
  readonly url?: string
}

/** Runs what it is given, once and at once, in an async context of its own making. */
export type Within = (run: () => void) => unknown

/** An attempt is about to be sent. What a listener sets here holds for this attempt alone. */
export interface AttemptStartEvent extends CallStartEvent {
  /** 1 for the first try of the call. */
  readonly attempt: number
  /** Whether it joined a slow try, which goes on. */
  readonly hedge: boolean
  readonly instance: Instance
  /**
   * Request headers to add, or to put in the place of the caller's: a listener writes them here, under names in lower case.
   * Not sent by `execute`, whose function makes its own request.
   */
  readonly headers: Record<string, string>
  /** A listener may set it: the attempt, with its listeners, then runs in there. For contexts that `bindStore` does not reach. */
  within?: Within
  /** The same for the moment in which the request is handed to undici; never called for `execute`. */
  sendWithin?: Within
}
