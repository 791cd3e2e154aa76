import type { Clock } from '../clock.ts'
import { withoutStack } from '../errors.ts'
import type { Outcome } from '../observe/events.ts'
import { AdaptiveCapacity } from './adaptive.ts'
import { fixedCapacity, type Capacity } from './capacity.ts'
import { LimitExceededError } from './errors.ts'
import { limitPolicy, type LimitOptions } from './policy.ts'
import type { Priority } from './priority.ts'
import { WaitingRoom, type Waiter } from './waiting.ts'

/** A place among those in flight; it must be released. */
export interface Permit {
  /** Gives the place back after `ms` in flight. Only the first release counts. */
  release(outcome: Outcome, ms: number): void
}

/** A place in the queue. */
export interface Ticket {
  /** Leaves the queue; neither `grant` nor `evict` will be called any more. */
  leave(): void
}

type Grant = (permit: Permit) => void
type Evict = (error: LimitExceededError) => void

/** What part of the limit sheddable calls may use: the rest is kept free for those that matter more. */
const SHEDDABLE_SHARE = 0.8
/** What one call adds to the running mean of durations. */
const WEIGHT = 0.1
/** A guess, in ms, for as long as nothing has ended. */
const UNKNOWN_DURATION = 100

/**
 * A bulkhead: at most `limit` calls in flight, a queue in front, and an order in which calls are turned away.
 *
 * @example
 * const permit = limiter.tryAcquire('default')
 * if (!permit) limiter.enqueue('default', (permit) => start(permit), (error) => refuse(error))
 */
export class Limiter {
  readonly #capacity: Capacity
  readonly #room = new WaitingRoom<{ grant: Grant; evict: Evict }>()
  readonly #places: number
  readonly #name: string
  #inFlight = 0
  #duration = UNKNOWN_DURATION

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
    return this.#room.size
  }

  /** A place at once, or undefined: the call would have to wait, or is refused. Nobody in the queue is overtaken. */
  tryAcquire(priority: Priority): Permit | undefined {
    return this.#room.isAhead(priority) || !this.#admits(priority) ? undefined : this.#admit()
  }

  /**
   * Waits for a place, after `tryAcquire` said no. One of the callbacks is called, once, unless the ticket leaves
   * first; they must not throw. The queue has no time limit of its own: leave when the call's deadline has passed.
   *
   * @throws {LimitExceededError} when there is no place in the queue either.
   */
  enqueue(priority: Priority, grant: Grant, evict: Evict): Ticket {
    const isFull = this.#room.size >= this.#places
    const victim = isFull ? this.#room.victimOf(priority) : undefined
    if (isFull && !victim) throw this.#refusal(priority)
    if (victim) this.#room.remove(victim)
    const waiter = this.#room.push(priority, { grant, evict })
    victim?.value.evict(this.#refusal(victim.priority))
    // For who let time pass since `tryAcquire`: with nothing in flight, nothing would ever wake the queue.
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
    this.#room.remove(waiter)
  }

  /** @internal */
  end(mark: number, outcome: Outcome, ms: number): void {
    this.#inFlight--
    if (outcome !== 'ignored') this.#duration += (ms - this.#duration) * WEIGHT
    this.#capacity.end(mark, outcome, ms)
    this.#advance()
  }

  #advance(): void {
    for (let next = this.#room.next; next && this.#admits(next.priority); next = this.#room.next) {
      this.#room.remove(next)
      next.value.grant(this.#admit())
    }
  }

  #refusal(priority: Priority): LimitExceededError {
    const { limit } = this.#capacity
    const { size } = this.#room
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
