import { CircuitOpenError, withoutStack } from '../errors.ts'
import type { BreakerCounts } from '../observe/events.ts'
import type { Breaker } from './breaker.ts'
import type { Transition } from './transition.ts'

/** The calls that a standalone breaker has refused, and the error that they get. */
export class Refusals {
  /** Calls refused so far. */
  total = 0
  /** What had been counted when calls opened the breaker: every error says it. */
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

  /** Counts a refusal. Returns the ms until a call may be let through. */
  count(now: number): number {
    this.total++
    return this.#breaker.nextAdmit(now) - now
  }

  /** What a refused call is rejected with. `cause` is the last error of a call. */
  error(retryAfter: number, cause: unknown): CircuitOpenError {
    const what = this.#name === undefined ? 'the circuit' : `the circuit of ${this.#name}`
    const counts = this.#counts
    const when = this.#breaker.isIsolated ? 'isolated by hand' : 'open'
    return withoutStack(() => new CircuitOpenError(`${what} is ${when}`, retryAfter, { cause, counts }))
  }
}
