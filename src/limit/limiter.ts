import type { Clock } from '../clock.ts'
import { withoutStack } from '../errors.ts'
import type { Outcome } from '../observe/events.ts'
import { AdaptiveCapacity } from './adaptive.ts'
import { fixedCapacity, type Capacity } from './capacity.ts'
import { LimitExceededError } from './errors.ts'
import { limitPolicy, type LimitOptions } from './policy.ts'
import type { Priority } from './priority.ts'
import { WaitingQueue, type Waiter } from './waiting.ts'

/** A place among the calls in flight. It must be released. */
export interface Permit {
  /** Releases the place after `ms` milliseconds in flight. Later calls do nothing. */
  release(outcome: Outcome, ms: number): void
}

/** A place in the queue. */
export interface Ticket {
  /** Leaves the queue. After that, neither `grant` nor `evict` is called. */
  leave(): void
}

type Grant = (permit: Permit) => void
type Evict = (error: LimitExceededError) => void

/** The share of the limit that sheddable calls may use. The rest is reserved for more important calls. */
const SHEDDABLE_SHARE = 0.8
/** The weight of one call in the mean duration. */
const DURATION_WEIGHT = 0.1
/** The assumed duration in milliseconds before any call has ended. */
const INITIAL_DURATION_MS = 100

/**
 * A bulkhead: it allows at most `limit` calls in flight, has a queue for more, and refuses the least important calls
 * first.
 *
 * @example
 * const permit = limiter.tryAcquire('default')
 * if (!permit) limiter.enqueue('default', (permit) => start(permit), (error) => refuse(error))
 */
export class Limiter {
  readonly #capacity: Capacity
  readonly #waiting = new WaitingQueue<{ grant: Grant; evict: Evict }>()
  readonly #places: number
  readonly #name: string
  #inFlight = 0
  #duration = INITIAL_DURATION_MS

  constructor(options: LimitOptions, clock: Clock, name: string = 'limit') {
    const { max, queue } = limitPolicy(options, name)
    this.#capacity = typeof max === 'number' ? fixedCapacity(max) : new AdaptiveCapacity(max, clock)
    this.#places = queue
    this.#name = name
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get limit(): number {
    return this.#capacity.limit
  }

  get queued(): number {
    return this.#waiting.size
  }

  /**
   * Returns a permit if a place is free. Returns undefined if the call would have to wait, or if an equally or more
   * important call is already waiting.
   */
  tryAcquire(priority: Priority): Permit | undefined {
    return this.#waiting.hasWaiterBefore(priority) || !this.#admits(priority) ? undefined : this.#admit()
  }

  /**
   * Waits for a place, after `tryAcquire` returned undefined. Calls one of the two functions once, unless the ticket
   * leaves first. They must not throw. The queue has no time limit: the caller must leave when its deadline has passed.
   *
   * @throws {LimitExceededError} when the queue is full too.
   */
  enqueue(priority: Priority, grant: Grant, evict: Evict): Ticket {
    const isFull = this.#waiting.size >= this.#places
    const victim = isFull ? this.#waiting.toEvictFor(priority) : undefined
    if (isFull && !victim) throw this.#refusal(priority)
    if (victim) this.#waiting.remove(victim)
    const waiter = this.#waiting.push(priority, { grant, evict })
    victim?.value.evict(this.#refusal(victim.priority))
    // A place may have become free since `tryAcquire`. If nothing is in flight, nothing else would start this call.
    this.#advance()
    return { leave: () => this.#leave(waiter) }
  }

  #admits(priority: Priority): boolean {
    const { limit } = this.#capacity
    if (priority !== 'sheddable') return this.#inFlight < limit
    return this.#inFlight < Math.max(Math.floor(limit * SHEDDABLE_SHARE), 1)
  }

  #admit(): Permit {
    this.#inFlight++
    return new Place(this, this.#capacity.begin(this.#inFlight))
  }

  #leave(waiter: Waiter<{ grant: Grant; evict: Evict }>): void {
    this.#waiting.remove(waiter)
  }

  /** @internal */
  end(mark: number, outcome: Outcome, ms: number): void {
    this.#inFlight--
    if (outcome !== 'ignored') this.#duration += (ms - this.#duration) * DURATION_WEIGHT
    this.#capacity.end(mark, outcome, ms)
    this.#advance()
  }

  #advance(): void {
    for (let next = this.#waiting.next; next && this.#admits(next.priority); next = this.#waiting.next) {
      this.#waiting.remove(next)
      next.value.grant(this.#admit())
    }
  }

  #refusal(priority: Priority): LimitExceededError {
    const { limit } = this.#capacity
    const { size } = this.#waiting
    const wait = Math.ceil((this.#duration * (size + 1)) / limit)
    const numbers = `${this.#inFlight} of ${limit} in flight, ${size} waiting`
    const message = `${this.#name}: no room for a ${priority} call, ${numbers}`
    return withoutStack(() => new LimitExceededError(message, wait))
  }
}

class Place implements Permit {
  #limiter: Limiter | undefined
  readonly #mark: number

  constructor(limiter: Limiter, mark: number) {
    this.#limiter = limiter
    this.#mark = mark
  }

  release(outcome: Outcome, ms: number): void {
    const limiter = this.#limiter
    this.#limiter = undefined
    limiter?.end(this.#mark, outcome, ms)
  }
}
