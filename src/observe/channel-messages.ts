import type { Instance } from '../registry/source.ts'
import type { AttemptEvent, CallEvent, ClientEvents, Door } from './events.ts'

/** What both kinds of message say from `start` on. */
export interface MessageBase {
  readonly service: string
  /** The call's; the same on each of its attempts and events. */
  readonly id: string
  readonly door: Door
  readonly route?: string
  readonly method?: string
  /** As in the event `call`: without the query, or as `redactPath` has it. */
  readonly path?: string
  /** The logical URL with that path; absent for `execute`. */
  readonly url?: string
  /** What was thrown, from `error` on. */
  error?: unknown
}

/** The message of the tracing channel `outrigger:call`: one object for a call, from `start` to `asyncEnd`. */
export interface CallMessage extends MessageBase {
  /** What the event `call` says; from `asyncStart` on, and from `error` on if there is one. */
  event?: CallEvent
}

/** The message of the tracing channel `outrigger:attempt`: one object for an attempt. */
export interface AttemptMessage extends MessageBase {
  /** 1 for the first try of the call. */
  readonly attempt: number
  /** Whether it joined a slow try, which goes on. */
  readonly hedge: boolean
  readonly instance: Instance
  /**
   * Request headers to add, or to put in the place of the caller's: a subscriber to `start` writes them here, under names in
   * lower case. Not sent by `execute`, whose function makes its own request.
   */
  readonly headers: Record<string, string>
  /** What the event `attempt` says; from `asyncStart` on, and from `error` on if there is one. */
  event?: AttemptEvent
}

/** The message of the channels `outrigger:breaker`, `outrigger:instance` and `outrigger:source`. */
export type EventMessage = {
  [Name in keyof ClientEvents & `${'breaker' | 'instance' | 'source'}:${string}`]: {
    readonly name: Name
    readonly event: ClientEvents[Name]
  }
}[keyof ClientEvents & `${'breaker' | 'instance' | 'source'}:${string}`]
