import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { headersFor, type HeaderSource } from '../headers/own-headers.ts'
import { oneLine } from '../quote.ts'
import { isLate, attemptTimeoutVerdict } from '../verdict/time-limit.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { Operation, Receiver, SendContext, Sending, TryResult } from './operation.ts'
import { isA } from '../hooks/thrown.ts'

/** The call that a try belongs to. */
export interface TryOwner<T> extends SendContext {
  readonly service: string
  /** Returns another attempt for a try of which nothing was sent, or undefined. */
  replaceUnsent(unsent: Try<T>): Attempt | undefined
}

/** An attempt with its timeout. If nothing was sent, another attempt takes its place in the same try. */
export class Try<T> implements Receiver<T>, TryResult<T> {
  attempt: Attempt
  ok = false
  value: T | undefined = undefined
  error: unknown = undefined
  over = false
  readonly #operation: Operation<T>
  readonly #owner: TryOwner<T>
  readonly #clock: Clock
  readonly #onEnd: (ended: Try<T>) => void
  #sending: Sending | undefined
  #cancelTimeout: (() => void) | undefined
  /**
   * When the user function `headers` resolved, in ms of the clock. 0 if it returned synchronously or is not set,
   * Infinity while pending.
   */
  #headersReadyAt = 0
  /** Set by `stop` and `stopAtLimit`, for a sender that has not returned yet. */
  #stoppedEarly: { readonly reason: Error; readonly verdict: Verdict } | undefined
  /** True if the timeout was started again because its timer fired late. */
  #isTimeoutRestarted = false

  /**
   * `onEnd` is called once when the try ends, perhaps before `begin` returns. It is not called if the try is stopped
   * from outside.
   */
  constructor(attempt: Attempt, operation: Operation<T>, owner: TryOwner<T>, onEnd: (ended: Try<T>) => void) {
    this.attempt = attempt
    this.#operation = operation
    this.#owner = owner
    this.#clock = owner.clock
    this.#onEnd = onEnd
  }

  begin(): void {
    this.#startTimeout(this.#operation.plan.timeout.attempt)
    const { own } = this.#operation.plan.headers
    if (own && this.#operation.header) this.#askHeaders(own)
    else this.#send()
  }

  /** Gets the headers of the option `headers`, then sends. The option may be a function that returns a promise. */
  #askHeaders(own: HeaderSource): void {
    const operation = this.#operation
    const { plan, method, path } = operation
    const request = {
      service: this.#owner.service,
      route: plan.route?.key,
      method,
      path,
      attempt: this.attempt.number,
    }
    const go = (headers: Readonly<Record<string, string>>): void => {
      this.attempt.headers = headers
      this.#headersReadyAt = this.#headersReadyAt === 0 ? 0 : this.#clock.now()
      // The try may have been stopped while the function was pending.
      if (!this.over) this.#send()
    }
    try {
      const has = (name: string): boolean => operation.header?.(name) !== undefined
      const headers = headersFor(own, request, has)
      if (headers instanceof Promise) {
        this.#headersReadyAt = Infinity
        headers.then(go).catch((error: unknown) => this.#failUnsent(error))
      } else go(headers)
    } catch (error) {
      this.#failUnsent(error)
    }
  }

  #failUnsent(error: unknown): void {
    this.attempt.error ??= error
    this.attempt.settle(VERDICTS.mistaken)
    this.attempt.release()
    this.rejected(error)
  }

  #send(): void {
    try {
      this.#sending = this.#operation.send(this.attempt, this.#owner, this)
      // A user function that `send` calls, such as one that makes the body, may have stopped the try.
      if (this.#stoppedEarly) this.#sending.abort(this.#stoppedEarly.reason, this.#stoppedEarly.verdict)
    } catch (error) {
      this.rejected(error)
    }
  }

  get sent(): boolean {
    return this.#sending?.sent ?? false
  }

  /** Milliseconds since the try left the queue of the pool. -Infinity while it is queued, or waits for its headers. */
  get age(): number {
    return (
      this.#clock.now() -
      Math.max(this.attempt.startedAt, this.#headersReadyAt, this.#sending?.queuedUntil ?? 0)
    )
  }

  resolved(value: T): void {
    if (this.over) {
      this.#operation.discard(value)
      return
    }
    this.ok = true
    this.value = value
    this.#markOver()
    this.#onEnd(this)
  }

  rejected(error: unknown): void {
    if (this.over) return
    this.error = error
    // A try that failed must not keep load or a permit. Releasing twice does nothing.
    this.attempt.release()
    this.#markOver()
    this.#onEnd(this)
  }

  replaceUnsent(error: unknown): Attempt | undefined {
    if (this.over) return undefined
    this.error = error
    const next = this.#owner.replaceUnsent(this)
    if (!next) return undefined
    next.headers = this.attempt.headers
    this.attempt = next
    this.error = undefined
    this.#cancelTimeout?.()
    this.#startTimeout(this.#operation.plan.timeout.attempt)
    return next
  }

  /** Ends the try from outside, without `onEnd`. The attempt gets this verdict, unless it has one. */
  stop(reason: unknown, verdict: Verdict): void {
    if (this.over) return
    this.#markOver()
    this.attempt.error ??= reason
    this.attempt.settle(verdict)
    this.#stoppedEarly = { reason: asError(reason), verdict }
    if (this.#sending) this.#sending.abort(asError(reason), verdict)
    // It waits for its headers, or `send` has not returned yet.
    else this.attempt.release()
  }

  /** Ends the try because a timeout of the caller has passed. A response that came in time keeps its own verdict. */
  stopAtLimit(reason: unknown, verdict: Verdict): void {
    if (this.over) return
    this.#markOver()
    if (this.#sending) {
      this.#sending.abortAtLimit(asError(reason), verdict)
      return
    }
    this.#stoppedEarly = { reason: asError(reason), verdict }
    this.attempt.settle(verdict)
    this.attempt.release()
  }

  #startTimeout(ms: number): void {
    if (ms < Infinity) this.#cancelTimeout = startTimer(this.#clock, ms, () => this.#onTimeout())
  }

  #onTimeout(): void {
    const { attempt: limit } = this.#operation.plan.timeout
    const { age } = this
    if (age === -Infinity || limit - age >= 1) {
      // The time in the queue of the pool, or for headers, does not count. Wait for the rest of the timeout.
      this.#startTimeout(age === -Infinity ? limit : limit - age)
    } else if (isLate(age - limit) && !this.#isTimeoutRestarted) {
      this.#isTimeoutRestarted = true
      this.#startTimeout(limit)
    } else {
      const id = oneLine(this.attempt.instance.id)
      this.error = timeoutError(`${id} did not answer within ${limit} ms (timeout.attempt)`)
      this.stop(this.error, attemptTimeoutVerdict(this.sent))
      this.#onEnd(this)
    }
  }

  #markOver(): void {
    this.over = true
    this.#cancelTimeout?.()
  }
}

function asError(reason: unknown): Error {
  return isA(reason, Error) ? reason : new Error('aborted', { cause: reason })
}
