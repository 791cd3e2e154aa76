import { unixTime, type Clock } from '../clock.ts'
import { hasSubscribers } from './channels.ts'
import type { Emitter } from './emitter.ts'
import type { ClientEvents, ServiceEvent } from './events.ts'
import { Journal, type CallSubject, type JournalContext } from './journal.ts'
import { asked } from '../hooks/asked.ts'

/** Returns the part of a path that events may show. Undefined hides the path. */
export type RedactPath = (path: string) => string | undefined

export interface ObserverOptions {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  readonly redactPath: RedactPath | undefined
  /** True if user functions are called for each attempt. */
  readonly hasUserCode: boolean
  /** Called when a call begins, whether or not anything listens. */
  readonly onCall?: (() => void) | undefined
}

/** Decides whether a call needs a journal, and begins it. */
export class Observer implements JournalContext {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  readonly #onCall: (() => void) | undefined
  #redactPath: RedactPath | undefined
  #hasUserCode: boolean

  constructor({ service, clock, events, redactPath, hasUserCode, onCall }: ObserverOptions) {
    this.service = service
    this.clock = clock
    this.events = events
    this.#onCall = onCall
    this.#redactPath = redactPath
    this.#hasUserCode = hasUserCode
  }

  reconfigure({ redactPath, hasUserCode }: Pick<ObserverOptions, 'redactPath' | 'hasUserCode'>): void {
    this.#redactPath = redactPath
    this.#hasUserCode = hasUserCode
  }

  /** Returns the members that every event has. */
  stamp(): ServiceEvent {
    return { service: this.service, at: unixTime(this.clock) }
  }

  /** Begins a journal for a call. Returns undefined if nothing listens or watches. */
  begin(subject: CallSubject): Journal | undefined {
    this.#onCall?.()
    const needsEvents = this.#hasUserCode || this.events.hasListeners || hasSubscribers()
    if (!needsEvents && !this.events.watchers) return undefined
    return new Journal(this, subject, needsEvents)
  }

  /** Returns the path as events show it. Without `redactPath` it has no query, as queries may contain tokens. */
  redacted(path: string | undefined): string | undefined {
    if (path === undefined) return undefined
    const redact = this.#redactPath
    if (redact === undefined) return withoutQuery(path)
    return asked(() => redact(path), textOf, redact, REDACT)
  }
}

const REDACT = {
  name: 'redactPath',
  rule: 'a string',
  instead: 'the path is left out',
  code: 'OUTRIGGER_REDACT',
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function withoutQuery(path: string): string {
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}
