import { unixTime, type Clock } from '../clock.ts'
import { hasSubscribers } from './channels.ts'
import type { Emitter } from './emitter.ts'
import type { ClientEvents, ServiceEvent } from './events.ts'
import { Journal, type CallSubject, type JournalContext } from './journal.ts'
import { asked } from '../hooks/asked.ts'

/** What of a path may be seen in events; undefined hides it. */
export type RedactPath = (path: string) => string | undefined

export interface ObserverOptions {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  readonly redactPath: RedactPath | undefined
  /** Whether functions of the user's are asked about each attempt. */
  readonly hasUserCode: boolean
  /** Called at the beginning of each call, whoever hears of it. */
  readonly onCall?: (() => void) | undefined
}

/** Says whether anybody is to hear of a client's calls, and begins their journals. */
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

  /** What every event says. */
  stamp(): ServiceEvent {
    return { service: this.service, at: unixTime(this.clock) }
  }

  /** A journal for a call that begins now; undefined when nobody is there to read it. */
  begin(subject: CallSubject): Journal | undefined {
    this.#onCall?.()
    const isHeard = this.#hasUserCode || this.events.attended || hasSubscribers()
    if (!isHeard && !this.events.watchers) return undefined
    return new Journal(this, subject, isHeard)
  }

  /** The path as events show it: queries carry tokens, so they are left out by default. */
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
