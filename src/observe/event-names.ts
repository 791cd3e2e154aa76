import { quote } from '../quote.ts'
import type { ClientEvents } from './events.ts'

/** A record, so that an event without its line here does not compile. */
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

/** Never emitted: `once()` and `on()` of `node:events` listen to it beside what they are asked for. */
const NEVER: string = 'error'

/** Throws unless there is such an event: a listener under a misspelt name would never hear anything. */
export function checkEventName<Name extends keyof ClientEvents>(name: Name): Name {
  if (typeof name === 'string' && (Object.hasOwn(NAMES, name) || name === NEVER)) return name
  throw new TypeError(`the event must be one of ${EVENT_NAMES.join(', ')}, got ${quote(name)}`)
}
