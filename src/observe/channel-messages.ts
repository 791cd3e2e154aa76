import type { AttemptEvent, AttemptStartEvent, CallEvent, CallStartEvent, ClientEvents } from './events.ts'

/** A member of both kinds of messages. */
interface MessageEnd {
  /** The error. Set before the channel `error` is published. */
  error?: unknown
}

/** The message of the tracing channel `outrigger:call`. A call has one message object from `start` to `asyncEnd`. */
export interface CallMessage extends CallStartEvent, MessageEnd {
  /** The payload of the event `call`. Set before `error` and `asyncStart` are published. */
  event?: CallEvent
}

/** The message of the tracing channel `outrigger:attempt`. An attempt has one message object. */
export interface AttemptMessage extends AttemptStartEvent, MessageEnd {
  /** The payload of the event `attempt`. Set before `error` and `asyncStart` are published. */
  event?: AttemptEvent
}

/** The message of the channels `outrigger:breaker`, `outrigger:instance` and `outrigger:source`. */
export type EventMessage = {
  [Name in keyof ClientEvents & `${'breaker' | 'instance' | 'source'}:${string}`]: {
    readonly name: Name
    readonly event: ClientEvents[Name]
  }
}[keyof ClientEvents & `${'breaker' | 'instance' | 'source'}:${string}`]
