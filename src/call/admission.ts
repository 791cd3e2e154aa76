import { AsyncResource } from 'node:async_hooks'
import { LimitExceededError, ThrottledError } from '../limit/errors.ts'
import type { Limiter, Permit, Ticket } from '../limit/limiter.ts'
import type { Outcome } from '../observe/events.ts'
import { withoutStack } from '../errors.ts'
import { describeCounts } from '../fleet/states.ts'
import type { Call } from './call.ts'

/** A call's way through the throttle and the limits in front of it, and its places behind them. */
export class Admission<T> {
  readonly #call: Call<T>
  readonly #permits: Permit[] = []
  #ticket: Ticket | undefined
  #startedAt = 0
  /** The age of the call's journal when it began to wait. */
  #queuedAt: number | undefined
  readonly #onClose = (): void => this.#call.refuse(this.#call.makeRefusal())

  constructor(call: Call<T>) {
    this.#call = call
    call.onFinish = (outcome) => this.#releasePlaces(outcome)
  }

  /** Calls `go` once there is a place behind every limit: at once, if there is. */
  enter(go: () => void): void {
    const { plan, priority } = this.#call.operation
    if (plan.throttle && !plan.throttle.admit(priority)) {
      const message = `${this.#call.core.service} turns most calls down; this one was not sent`
      this.#call.refuse(withoutStack(() => new ThrottledError(message)))
      return
    }
    this.#passLimiters(plan.limiters, 0, go)
  }

  #noteQueueTime(): void {
    const { journal } = this.#call
    if (journal && this.#queuedAt !== undefined) journal.queue += journal.age - this.#queuedAt
    this.#queuedAt = undefined
  }

  /** Gives every place back, or up. */
  #releasePlaces(outcome: Outcome): void {
    this.#noteQueueTime()
    this.#ticket?.leave()
    this.#call.core.onClose.delete(this.#onClose)
    const ms = this.#call.clock.now() - this.#startedAt
    for (const permit of this.#permits) permit.release(outcome, ms)
    this.#permits.length = 0
  }

  #passLimiters(limiters: readonly Limiter[], index: number, go: () => void): void {
    const limiter = limiters[index]
    if (!limiter) {
      this.#startedAt = this.#call.clock.now()
      go()
      return
    }
    const proceed = (permit: Permit): void => {
      this.#permits.push(permit)
      this.#passLimiters(limiters, index + 1, go)
    }
    const permit = limiter.tryAcquire(this.#call.operation.priority)
    if (permit) proceed(permit)
    else this.#enqueue(limiter, proceed)
  }

  #enqueue(limiter: Limiter, proceed: (permit: Permit) => void): void {
    const { core, operation, journal } = this.#call
    this.#queuedAt = journal?.age
    let isGranted = false
    // It is another call, as it ends, that grants the place: ours goes on as our caller, and fails alone.
    const grant = AsyncResource.bind((permit: Permit): void => {
      isGranted = true
      this.#noteQueueTime()
      this.#ticket = undefined
      core.onClose.delete(this.#onClose)
      try {
        proceed(permit)
      } catch (error) {
        this.#call.fail(error)
      }
    })
    try {
      const ticket = limiter.enqueue(operation.priority, grant, (error) => this.#refuse(error))
      // A listener that hears of whom it displaced may have freed a place, or closed the client.
      if (isGranted || this.#call.ended) return
      this.#ticket = ticket
      if (core.closeError) this.#onClose()
      else core.onClose.add(this.#onClose)
    } catch (error) {
      if (!(error instanceof LimitExceededError)) throw error
      this.#refuse(error)
    }
  }

  /** A limiter knows its numbers; whom they concern, the call knows. */
  #refuse({ message, retryAfter }: LimitExceededError): void {
    const { core, operation, route } = this.#call
    const { service } = core
    const instances = core.fleet.countStates(operation.plan.guard)
    const what = route === undefined ? service : `${service} (${route})`
    const text = `${what}: ${message} (${describeCounts(instances)})`
    const details = { service, route, instances }
    this.#call.refuse(withoutStack(() => new LimitExceededError(text, retryAfter, details)))
  }
}
