import { unixTime, type Clock } from '../clock.ts'
import { Emitter } from '../observe/emitter.ts'
import { quote } from '../options.ts'
import type { CircuitBreakerEventName, CircuitBreakerEvents } from './standalone-types.ts'
import type { Transition } from './transition.ts'

const EVENT = { open: 'open', 'half-open': 'half-open', closed: 'close' } as const
/** Includes 'error', which is never emitted: `once()` and `on()` of `node:events` always add a listener for it. */
const EVENT_NAMES: readonly string[] = [...Object.values(EVENT), 'refused', 'error']

/** The listeners of a standalone breaker, and their events. */
export class Publisher {
  readonly listeners: Emitter<CircuitBreakerEvents> = new Emitter()
  readonly #clock: Clock
  readonly #name: string | undefined

  constructor(clock: Clock, name: string | undefined) {
    this.#clock = clock
    this.#name = name
  }

  /** `lastError` is included in `open` events, if there is one. */
  transition(transition: Transition, lastError: unknown): void {
    const error = transition.to === 'open' && lastError !== undefined ? { error: lastError } : {}
    this.listeners.emit(EVENT[transition.to], { ...transition, ...this.#stamp(), ...error })
  }

  refused(retryAfter: number): void {
    if (this.listeners.has('refused')) this.listeners.emit('refused', { ...this.#stamp(), retryAfter })
  }

  #stamp(): { at: number; name?: string } {
    const at = unixTime(this.#clock)
    return this.#name === undefined ? { at } : { at, name: this.#name }
  }
}

/** Throws if there is no such event. Otherwise a listener with a misspelt name would never be called. */
export function checkBreakerEvent(name: CircuitBreakerEventName): void {
  if (EVENT_NAMES.includes(name)) return
  throw new TypeError(`the event must be one of ${EVENT_NAMES.join(', ')}, got ${quote(name)}`)
}
