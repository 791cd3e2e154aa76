import type { ClientEvents } from '../observe/events.ts'

/** The levels of a log, as `console` and most loggers name them. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** The level of each event. False: not logged. Events of each single call are not logged by default. */
export const LEVELS: Readonly<Record<keyof ClientEvents, LogLevel | false>> = {
  'breaker:open': 'warn',
  'breaker:half-open': 'debug',
  'breaker:close': 'info',
  'instance:added': 'info',
  'instance:changed': 'info',
  'instance:removed': 'info',
  'instance:ejected': 'warn',
  'instance:paused': 'info',
  'instance:unhealthy': 'warn',
  'instance:healthy': 'info',
  'source:stale': 'error',
  'source:recovered': 'info',
  'source:invalid': 'warn',
  'call:retry': 'debug',
  'call:hedge': 'debug',
  'call:rejected': 'warn',
  'call:fallback': 'warn',
  'call:start': false,
  call: false,
  'call:end': false,
  'attempt:start': false,
  attempt: false,
  mirror: false,
  'mirror:dropped': false,
  'config:changed': 'info',
  control: 'warn',
}
