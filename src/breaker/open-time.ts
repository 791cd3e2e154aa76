import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'

/**
 * The maximum Retry-After that a breaker accepts, in milliseconds, unless `openFor.max` is longer. A client limits it before,
 * to `retry.maxRetryAfter`.
 */
export const MAX_PAUSE = 600_000

/**
 * How long the breaker opens next. The time grows with each opening, shrinks with healthy time, and a Retry-After makes it
 * longer.
 */
export class OpenTime {
  /** The time before which there is no probe, as asked by a server's Retry-After. */
  notBefore: number = -Infinity
  /** How many times the open time has grown. */
  #level = 0
  #random: number
  #policy: BreakerPolicy['openFor']
  readonly #clock: Clock
  readonly #hasStandIn: (() => boolean) | undefined

  /** `hasStandIn` returns true if calls may go elsewhere. The open time grows only then. */
  constructor(policy: BreakerPolicy, clock: Clock, hasStandIn: (() => boolean) | undefined) {
    this.#policy = policy.openFor
    this.#clock = clock
    this.#hasStandIn = hasStandIn
    this.#random = this.#draw()
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy.openFor
  }

  /**
   * Returns how long an opening at `now` lasts, in milliseconds. The random number is drawn in advance, so repeated calls return
   * the same.
   */
  lengthAt(now: number): number {
    const { max, jitter } = this.#policy
    const length = Math.min(max, this.#at(this.#level)) * (1 - jitter * this.#random)
    return Math.max(length, this.notBefore - now)
  }

  /** A server has asked for a pause of `retryAfter` milliseconds. */
  addPause(outcome: Outcome, now: number, retryAfter: number): void {
    if (retryAfter <= 0 || outcome === 'success' || outcome === 'ignored') return
    const most = Math.max(MAX_PAUSE, this.#policy.max)
    this.notBefore = Math.max(this.notBefore, now + Math.min(retryAfter, most))
  }

  /** Called once per opening, after `lengthAt()`. */
  grow(): void {
    if (this.#hasStandIn && !this.#hasStandIn()) return
    if (this.#mayGrow) this.#level++
    this.#random = this.#draw()
  }

  /** Removes one step of growth per `initial` milliseconds of health. */
  shrink(healthy: number): void {
    this.#level = Math.max(0, this.#level - Math.floor(healthy / this.#policy.initial))
  }

  reset(): void {
    this.#level = 0
    this.notBefore = -Infinity
  }

  get level(): number {
    return this.#level
  }

  /** Sets the growth, at most to the limit that `grow` has. */
  restore(level: number): void {
    this.#level = 0
    for (let left = level; left > 0 && this.#mayGrow; left--) this.#level++
  }

  /** The growth ends one step above the maximum. Otherwise many openings would need as much healthy time to be forgotten. */
  get #mayGrow(): boolean {
    return this.#at(this.#level - 1) < this.#policy.max
  }

  #at(level: number): number {
    return this.#policy.initial * this.#policy.factor ** level
  }

  #draw(): number {
    return this.#policy.jitter === 0 ? 0 : this.#clock.random()
  }
}
