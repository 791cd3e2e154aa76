import { EVENT_NAMES } from '../observe/event-names.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents, ServiceEvent } from '../observe/events.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import { quote } from '../quote.ts'
import { fieldsOf, lineOf, type LogFields } from './describe.ts'
import { LEVELS, type LogLevel } from './levels.ts'
import { writerOf, type Logger, type LoggerStyle } from './logger.ts'
import { Thinning } from './thinning.ts'

/** Options of `logEvents()`. */
export interface LogEventsOptions {
  /**
   * The level of each event. False: it is not logged. The events of each single call and attempt are not logged
   * by default.
   * @default warn for breaker:open, instance:ejected, instance:unhealthy, source:invalid, call:rejected,
   * call:fallback and control; error for source:stale; debug for breaker:half-open, call:retry and call:hedge;
   * false for call:start, call, call:end, attempt:start, attempt, mirror and mirror:dropped; info for the
   * others
   */
  levels?: Partial<Record<keyof ClientEvents, LogLevel | false>>
  /**
   * In ms. In this time, equal events of the same instance and route are one line. The next line has their
   * number. @default 10_000
   */
  thin?: number
  /** The argument order of the logger. @default detected from the logger */
  style?: LoggerStyle
}

/** A source of events: a client, or an app-wide fetch. */
export interface EventSource {
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
  off<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): unknown
}

const LEVEL_NAMES: readonly unknown[] = ['debug', 'info', 'warn', 'error', false]

/**
 * Logs a client's events, one line each. Errors become data, credentials are removed, and repeated events
 * become a count. Returns a function that stops the logging. Throws a TypeError for an invalid logger or
 * option.
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
  const log = ([level, name, fields]: LogEntry, repeated: number): void => {
    const line = lineOf(name, fields)
    if (repeated > 0) write(level, `${line} (${repeated} more)`, { ...fields, repeated })
    else write(level, line, fields)
  }
  const thinning = new Thinning<LogEntry>(checkNumber('logEvents().thin', thin), log)
  const listeners = new Map<keyof ClientEvents, Listener<ServiceEvent>>()
  for (const name of EVENT_NAMES) {
    const level = levels[name] ?? LEVELS[name]
    if (level === false) continue
    listeners.set(name, (event) => {
      const entry: LogEntry = [level, name, fieldsOf(name, event)]
      if (ALWAYS_LOGGED.has(name)) log(entry, 0)
      else thinning.add(keyOf(name, event), entry, event.at)
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

type LogEntry = readonly [LogLevel, keyof ClientEvents, LogFields]

/** Actions of people. Each of them is logged. */
const ALWAYS_LOGGED: ReadonlySet<keyof ClientEvents> = new Set(['control', 'config:changed'])

/** Returns the same key for events with the same meaning. */
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
