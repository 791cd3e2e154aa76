import type { Instance } from '../registry/source.ts'

/** The members of every event of a client. */
export interface ServiceEvent {
  readonly service: string
  /** The time in Unix milliseconds. With an injected clock it is `now() + epoch`. */
  readonly at: number
}

/** The method of the client through which a call came in. */
export type Door = 'fetch' | 'request' | 'execute' | 'dispatcher'

/** A call begins. The current async context is the caller's. */
export interface CallStartEvent extends ServiceEvent {
  /** The id of the call: the same in all events of the call. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  /** Absent for `execute`. */
  readonly method?: string
  /** The path without its query, or what `redactPath` returned; absent for `execute`. */
  readonly path?: string
  /** The logical URL with that path; absent for `execute`. */
  readonly url?: string
}

/** Calls `run` once, synchronously, in an async context that it sets up. */
export type Within = (run: () => void) => unknown

/** An attempt is about to be sent. What a listener sets on this event applies to this attempt only. */
export interface AttemptStartEvent extends CallStartEvent {
  /** The number of this try within its call, counted from 1. */
  readonly attempt: number
  /** True if the attempt is a hedge: it was started because an earlier try was slow. The earlier try goes on. */
  readonly hedge: boolean
  readonly instance: Instance
  /**
   * A listener may add request headers here, with names in lower case. They replace headers of the caller with the same
   * name. `execute` ignores them, as its function makes its own request.
   */
  readonly headers: Record<string, string>
  /**
   * A listener may set it to run the attempt and its listeners in another async context. It is for contexts that
   * `bindStore` does not support.
   */
  within?: Within
  /** A listener may set it to hand the request to undici in another async context. Never called for `execute`. */
  sendWithin?: Within
}
