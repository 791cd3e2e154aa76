import type { AttemptEvent, AttemptStartEvent, CallEvent, CallStartEvent, ClientEvents } from './events.ts'

/** What both kinds of message say besides. */
interface MessageEnd {
  /** What was thrown, from `error` on. */
  error?: unknown
}

/** The message of the tracing channel `outrigger:call`: one object for a call, from `start` to `asyncEnd`. */
export interface CallMessage extends CallStartEvent, MessageEnd {
  /** What the event `call` says; from `asyncStart` on, and from `error` on if there is one. */
  event?: CallEvent
}

/** The message of the tracing channel `outrigger:attempt`: one object for an attempt. */
export interface AttemptMessage extends AttemptStartEvent, MessageEnd {
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
