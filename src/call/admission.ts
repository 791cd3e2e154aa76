import { AsyncResource } from 'node:async_hooks'
import { LimitExceededError, ThrottledError } from '../limit/errors.ts'
import type { Limiter, Permit, Ticket } from '../limit/limiter.ts'
import type { Outcome } from '../observe/events.ts'
import { withoutStack } from '../errors.ts'
import { describeCounts } from '../fleet/states.ts'
import type { Call } from './call.ts'

/** Takes one call through the throttle and then through each limiter. Holds the permits until the call ends. */
export class Admission<T> {
  readonly #call: Call<T>
  readonly #permits: Permit[] = []
  #ticket: Ticket | undefined
  /** When the call got its last permit, in ms of the clock. */
  #startedAt = 0
  /** Set while the call waits in a queue: the age of its journal when it began to wait, in ms. */
  #queuedAt: number | undefined
  readonly #refuseAtClose = (): void => this.#call.refuse(this.#call.makeRefusal())

  constructor(call: Call<T>) {
    this.#call = call
    call.onFinish = (outcome) => this.#releasePlaces(outcome)
  }

  /**
   * Calls `go` when the call has a permit of every limiter: before this returns, if each has a free place, otherwise
   * later. Never calls it if the call is refused, or ends while it waits.
   */
  enter(go: () => void): void {
    const { plan, priority } = this.#call.operation
    if (plan.throttle && !plan.throttle.admit(priority)) {
      const message = `${this.#call.core.service} refuses most calls; this one was not sent`
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

  /** The call has ended: leaves the queue and releases all permits. */
  #releasePlaces(outcome: Outcome): void {
    this.#noteQueueTime()
    this.#ticket?.leave()
    this.#call.core.onClose.delete(this.#refuseAtClose)
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
    // Another call runs this function when it ends and releases its place. `bind` lets the waiting call continue in the
    // async context of its own caller. An error fails the waiting call only.
    const grant = AsyncResource.bind((permit: Permit): void => {
      isGranted = true
      this.#noteQueueTime()
      this.#ticket = undefined
      core.onClose.delete(this.#refuseAtClose)
      try {
        proceed(permit)
      } catch (error) {
        this.#call.fail(error)
      }
    })
    try {
      const ticket = limiter.enqueue(operation.priority, grant, (error) => this.#refuse(error))
      // enqueue() may refuse a less important call. A listener to that refusal may have freed a place or closed the client.
      if (isGranted || this.#call.ended) return
      this.#ticket = ticket
      if (core.closeError) this.#refuseAtClose()
      else core.onClose.add(this.#refuseAtClose)
    } catch (error) {
      if (!(error instanceof LimitExceededError)) throw error
      this.#refuse(error)
    }
  }

  /**
   * Refuses the call. Adds to the limiter's message what only the call knows: service, route and states of the
   * instances.
   */
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
