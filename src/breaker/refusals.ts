import { CircuitOpenError, withoutStack } from '../errors.ts'
import type { BreakerCounts } from '../observe/events.ts'
import type { Breaker } from './breaker.ts'
import type { Transition } from './transition.ts'

/** The calls that a standalone breaker has refused, and their error. */
export class Refusals {
  /** The number of refused calls. */
  total = 0
  /** The counts with which calls opened the breaker. Every error contains them. */
  #counts: BreakerCounts | undefined = undefined
  readonly #name: string | undefined
  readonly #breaker: Breaker

  constructor(name: string | undefined, breaker: Breaker) {
    this.#name = name
    this.#breaker = breaker
  }

  transitioned({ to, counts }: Transition): void {
    if (to === 'closed') this.#counts = undefined
    else if (counts) this.#counts = counts
  }

  /** Counts a refusal. Returns the milliseconds until a call may be admitted. */
  count(now: number): number {
    this.total++
    return this.#breaker.nextAdmit(now) - now
  }

  /** Returns the error of a refused call. `cause` is the error of the last failed call. */
  error(retryAfter: number, cause: unknown): CircuitOpenError {
    const what = this.#name === undefined ? 'the circuit' : `the circuit of ${this.#name}`
    const counts = this.#counts
    const when = this.#breaker.isIsolated ? 'isolated by hand' : 'open'
    return withoutStack(() => new CircuitOpenError(`${what} is ${when}`, retryAfter, { cause, counts }))
  }
}
