import { notify } from '../hooks/notify.ts'
import { quote } from '../quote.ts'
import type { LogFields } from './describe.ts'
import type { LogLevel } from './levels.ts'

/** A logger such as pino, winston or console, or any object with a method for each level. */
export type Logger = { readonly [Level in LogLevel]: (...args: never[]) => unknown }

/** `pino`: `warn(fields, line)`. `winston`: `warn(line, fields)`. `console`: `warn(line)`. */
export type LoggerStyle = 'pino' | 'winston' | 'console'

export type Write = (level: LogLevel, line: string, fields: LogFields) => void

/**
 * Returns a function that writes to the logger, in the given style or the style detected. Throws a TypeError
 * for an invalid logger.
 */
export function writerOf(logger: Logger, style: LoggerStyle = styleOf(logger)): Write {
  const levels = (logger ?? {}) as unknown as Record<string, unknown>
  for (const level of ['debug', 'info', 'warn', 'error']) {
    if (typeof levels[level] === 'function') continue
    throw new TypeError(`logger must have the methods debug, info, warn and error, got ${quote(logger)}`)
  }
  const call = (level: LogLevel, ...args: readonly unknown[]): void => {
    const write = (...given: readonly unknown[]): unknown =>
      (logger as unknown as Record<LogLevel, (...args: readonly unknown[]) => unknown>)[level](...given)
    notify(write, args, WARNING)
  }
  if (style === 'pino') return (level, line, fields) => call(level, fields, line)
  if (style === 'winston') return (level, line, fields) => call(level, line, fields)
  if (style === 'console') return (level, line) => call(level, line)
  throw new TypeError(`logEvents().style must be 'pino', 'winston' or 'console', got ${quote(style)}`)
}

function styleOf(logger: unknown): LoggerStyle {
  const { bindings, transports, time, log } = (logger ?? {}) as Record<string, unknown>
  if (typeof bindings === 'function') return 'pino'
  if (transports !== undefined) return 'winston'
  // Of these loggers, only a console has time() and log().
  if (typeof time === 'function' && typeof log === 'function') return 'console'
  return 'pino'
}

const WARNING = { message: 'the logger of logEvents() threw; the line is lost', code: 'OUTRIGGER_LISTENER' }
