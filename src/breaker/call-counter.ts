import { unixTime, type Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import type { Breaker } from './breaker.ts'
import { counted, isAnswer, type ClassifyResult } from './result.ts'

/** Decides how each call of a standalone breaker counts, settles its permit, and remembers the last failure. */
export class CallCounter {
  /** The error or value of the last failed call. Undefined before the first failure. */
  lastError: unknown = undefined
  readonly #breaker: Breaker
  readonly clock: Clock
  readonly #classify: ClassifyResult | undefined

  constructor(breaker: Breaker, clock: Clock, classify: ClassifyResult | undefined) {
    this.#breaker = breaker
    this.clock = clock
    this.#classify = classify
  }

  /**
   * A call that began at `start` has resolved to `value`. Most values are plain successes. They need neither `classify` nor the
   * clock.
   */
  fulfilled(permit: number, value: unknown, start: number): void {
    if (this.#classify || isAnswer(value)) this.count(permit, { status: 'fulfilled', value }, start)
    else if (this.#breaker.endsUntimed) this.#breaker.settle(permit, 'success', 0, 0)
    else this.settle(permit, 'success', start)
  }

  rejected(permit: number, reason: unknown, start: number): void {
    this.count(permit, { status: 'rejected', reason }, start)
  }

  /** Counts a call by `classify`, or by the default. */
  count(permit: number, result: PromiseSettledResult<unknown>, start: number): void {
    const { outcome, retryAfter } = counted(result, this.#classify, unixTime(this.clock))
    if (outcome === 'failure' || outcome === 'overload') {
      this.lastError = result.status === 'rejected' ? result.reason : result.value
    }
    this.settle(permit, outcome, start, undefined, retryAfter)
  }

  /** Counts a call with a known outcome. `ms` is its duration in milliseconds, by default the time since `start`. */
  settle(permit: number, outcome: Outcome, start: number, ms?: number, retryAfter = 0): void {
    const now = this.clock.now()
    this.#breaker.settle(permit, outcome, ms ?? now - start, now, retryAfter)
  }
}
