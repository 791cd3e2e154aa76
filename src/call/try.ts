import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Operation, Receiver, SendContext, Sending, Tried } from './operation.ts'

/** One try, bounded by the attempt timeout. */
export class Try<T> implements Receiver<T>, Tried<T> {
  readonly attempt: Attempt
  ok = false
  value: T | undefined = undefined
  error: unknown = undefined
  readonly #operation: Operation<T>
  readonly #onEnd: (ended: Try<T>) => void
  #sending: Sending | undefined
  #cancelTimeout: (() => void) | undefined
  over = false

  /** `onEnd` is called however the try ends, unless it is stopped from outside. */
  constructor(attempt: Attempt, operation: Operation<T>, onEnd: (ended: Try<T>) => void) {
    this.attempt = attempt
    this.#operation = operation
    this.#onEnd = onEnd
  }

  begin(clock: Clock, context: SendContext): void {
    const { attempt: limit } = this.#operation.plan.timeout
    if (limit < Infinity) this.#cancelTimeout = startTimer(clock, limit, () => this.#timedOut(limit))
    try {
      this.#sending = this.#operation.send(this.attempt, context, this)
    } catch (error) {
      this.attempt.release()
      this.rejected(error)
    }
  }

  get sent(): boolean {
    return this.#sending?.sent ?? false
  }

  resolved(value: T): void {
    if (this.over) {
      this.#operation.discard(value)
      return
    }
    this.ok = true
    this.value = value
    this.#finish()
    this.#onEnd(this)
  }

  rejected(error: unknown): void {
    if (this.over) return
    this.error = error
    this.#finish()
    this.#onEnd(this)
  }

  /** Gives the try up; what it says about its instance is for the one who stops it to know. */
  stop(reason: unknown, outcome: 'failure' | 'ignored'): void {
    if (this.over) return
    this.#finish()
    const { attempt } = this
    attempt.error ??= reason
    attempt.settle(outcome, attempt.age(), outcome === 'failure' && !this.sent)
    this.#sending?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }), outcome)
  }

  #timedOut(limit: number): void {
    this.error = timeoutError(`${this.attempt.instance.id} did not answer within ${limit} ms`)
    this.stop(this.error, 'failure')
    this.#onEnd(this)
  }

  #finish(): void {
    this.over = true
    this.#cancelTimeout?.()
  }
}
