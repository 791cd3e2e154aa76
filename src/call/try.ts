import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Operation, SendContext, Sending, Tried } from './operation.ts'

/** One try under way, bounded by the attempt timeout. */
export class Try<T> {
  readonly attempt: Attempt
  /** Resolves however the try ends; never, if it is stopped from outside. */
  readonly result: Promise<Tried<T>>
  readonly #sending: Sending<T>
  readonly #cancelTimeout: (() => void) | undefined
  #over = false

  constructor(attempt: Attempt, operation: Operation<T>, clock: Clock, context: SendContext) {
    this.attempt = attempt
    const sending = operation.send(attempt, context)
    this.#sending = sending
    const { resolve, promise } = Promise.withResolvers<Tried<T>>()
    this.result = promise
    sending.result.then(
      (value) => {
        if (this.#finish()) resolve({ ok: true, attempt, sent: true, value })
        else operation.discard(value)
      },
      (error: unknown) => {
        if (this.#finish()) resolve({ ok: false, attempt, sent: sending.sent, error })
      },
    )
    const { attempt: limit } = operation.plan.timeout
    if (limit === Infinity) return
    this.#cancelTimeout = startTimer(clock, limit, () => {
      const { sent } = sending
      const error = timeoutError(`${attempt.instance.id} did not answer within ${limit} ms`)
      this.stop(error, 'failure')
      resolve({ ok: false, attempt, sent, error })
    })
  }

  /** Gives the try up; what it says about its instance is for the one who stops it to know. */
  stop(reason: unknown, outcome: 'failure' | 'ignored'): void {
    if (!this.#finish()) return
    const { attempt } = this
    attempt.error ??= reason
    attempt.settle(outcome, attempt.age(), outcome === 'failure' && !this.#sending.sent)
    this.#sending.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }), outcome)
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#cancelTimeout?.()
    return true
  }
}
