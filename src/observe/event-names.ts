import { quote } from '../quote.ts'
import type { ClientEvents } from './events.ts'

/** A record, so that the compiler rejects an event that is missing here. */
const NAMES: Record<keyof ClientEvents, true> = {
  'breaker:open': true,
  'breaker:half-open': true,
  'breaker:close': true,
  'instance:added': true,
  'instance:changed': true,
  'instance:removed': true,
  'instance:ejected': true,
  'instance:paused': true,
  'instance:unhealthy': true,
  'instance:healthy': true,
  'source:stale': true,
  'source:recovered': true,
  'source:invalid': true,
  'call:retry': true,
  'call:hedge': true,
  'call:rejected': true,
  'call:fallback': true,
  'call:start': true,
  call: true,
  'call:end': true,
  'attempt:start': true,
  attempt: true,
  mirror: true,
  'mirror:dropped': true,
  control: true,
  'config:changed': true,
}

export const EVENT_NAMES: readonly (keyof ClientEvents)[] = Object.keys(NAMES) as (keyof ClientEvents)[]

/** Never emitted. `once()` and `on()` of `node:events` always add a listener for it. */
const NEVER: string = 'error'

/** Throws a TypeError if there is no such event. Otherwise a listener with a misspelt name would never be called. */
export function checkEventName<Name extends keyof ClientEvents>(name: Name): Name {
  if (typeof name === 'string' && (Object.hasOwn(NAMES, name) || name === NEVER)) return name
  throw new TypeError(`the event must be one of ${EVENT_NAMES.join(', ')}, got ${quote(name)}`)
}
