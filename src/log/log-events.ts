import { EVENT_NAMES } from '../observe/event-names.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents, ServiceEvent } from '../observe/events.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import { quote } from '../quote.ts'
import { fieldsOf, lineOf, type LogFields } from './describe.ts'
import { LEVELS, type LogLevel } from './levels.ts'
import { writerOf, type Logger, type LoggerStyle } from './logger.ts'
import { Thinning } from './thinning.ts'

/** What `logEvents()` takes beside the client and the logger. */
export interface LogEventsOptions {
  /**
   * The level of an event; false leaves it out. `call` and `attempt`, one for each request, are left out unless they are
   * named here.
   * @default warn for breaker:open, source:invalid, call:rejected and call:fallback; error for source:stale; debug for
   * breaker:half-open, call:retry and call:hedge; info for the others
   */
  levels?: Partial<Record<keyof ClientEvents, LogLevel | false>>
  /** Milliseconds in which the same event of the same instance and route is one line; the next line says how many. @default 10_000 */
  thin?: number
  /** How the logger takes its arguments. @default seen from the logger */
  style?: LoggerStyle
}

/** What can be listened to: a client, or an app-wide fetch. */
export interface EventSource {
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
  off<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
}

const LEVEL_NAMES: readonly unknown[] = ['debug', 'info', 'warn', 'error', false]

/**
 * Logs a client's events: one line each, errors as data, no credentials, repeated ones as a count. Returns a function
 * that stops it. Throws a TypeError for a logger or an option that cannot be used.
 *
 * @example
 * logEvents(users, pino())
 * // {"level":40,"event":"breaker:open","service":"user-service","instance":"a",…,"msg":"user-service breaker:open: …"}
 */
export function logEvents(client: EventSource, logger: Logger, options: LogEventsOptions = {}): () => void {
  checkMethods('logEvents(client)', client, ['on', 'off'])
  checkObject("logEvents()'s options", options, ['levels', 'thin', 'style'])
  const { levels = {}, thin = 10_000, style } = options
  checkLevels(levels)
  const write = writerOf(logger, style)
  const tell = ([level, name, fields]: Told, repeated: number): void => {
    const line = lineOf(name, fields)
    if (repeated > 0) write(level, `${line} (${repeated} more)`, { ...fields, repeated })
    else write(level, line, fields)
  }
  const thinning = new Thinning<Told>(checkNumber('logEvents().thin', thin), tell)
  const listeners = new Map<keyof ClientEvents, Listener<ServiceEvent>>()
  for (const name of EVENT_NAMES) {
    const level = levels[name] ?? LEVELS[name]
    if (level === false) continue
    listeners.set(name, (event) => {
      const told: Told = [level, name, fieldsOf(name, event)]
      if (BY_SOMEBODY.has(name)) tell(told, 0)
      else thinning.add(keyOf(name, event), told, event.at)
    })
  }
  for (const [name, listener] of listeners) client.on(name, listener)
  return () => {
    for (const [name, listener] of listeners) client.off(name, listener)
    thinning.flush(Infinity)
  }
}

function checkLevels(levels: NonNullable<LogEventsOptions['levels']>): void {
  checkObject('logEvents().levels', levels, EVENT_NAMES)
  for (const [name, level] of Object.entries(levels) as [string, unknown][]) {
    if (level === undefined || LEVEL_NAMES.includes(level)) continue
    const rule = 'must be debug, info, warn, error or false'
    throw new TypeError(`logEvents().levels['${name}'] ${rule}, got ${quote(level)}`)
  }
}

type Told = readonly [LogLevel, keyof ClientEvents, LogFields]

/** What somebody did. None of these may be missing in a log, however many there are. */
const BY_SOMEBODY: ReadonlySet<keyof ClientEvents> = new Set(['control', 'config:changed'])

/** Events that say the same of the same. */
function keyOf(name: keyof ClientEvents, event: ServiceEvent): string {
  const { service } = event
  const { instance, route, status, error } = event as ServiceEvent & {
    readonly instance?: { readonly id: string }
    readonly route?: string
    readonly status?: number
    readonly error?: unknown
  }
  const { name: kind, code } = (error ?? {}) as { name?: unknown; code?: unknown }
  return JSON.stringify([name, service, instance?.id, route, status, String(code ?? kind)])
}
