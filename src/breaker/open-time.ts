import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'

/** The longest Retry-After that is believed, in ms, unless `openFor.max` is longer. */
const MAX_RETRY_AFTER = 600_000

/** How long the next opening lasts: it grows with each opening, shrinks with healthy time, and a Retry-After lengthens it. */
export class OpenTime {
  /** No probe before this time: a server's Retry-After. */
  notBefore: number = -Infinity
  /** How many times it has grown. */
  #level = 0
  #chance: number
  #policy: BreakerPolicy['openFor']
  readonly #clock: Clock
  readonly #hasStandIn: (() => boolean) | undefined

  /** `hasStandIn` tells whether calls may go elsewhere: the open time grows only then. */
  constructor(policy: BreakerPolicy, clock: Clock, hasStandIn: (() => boolean) | undefined) {
    this.#policy = policy.openFor
    this.#clock = clock
    this.#hasStandIn = hasStandIn
    this.#chance = this.#draw()
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy.openFor
  }

  /** Milliseconds for which an opening at `now` lasts. Random numbers are drawn in advance: asking twice gives the same. */
  lengthAt(now: number): number {
    const { max, jitter } = this.#policy
    const length = Math.min(max, this.#at(this.#level)) * (1 - jitter * this.#chance)
    return Math.max(length, this.notBefore - now)
  }

  /** A server has asked for a pause of `retryAfter` ms. */
  heed(outcome: Outcome, now: number, retryAfter: number): void {
    if (retryAfter <= 0 || outcome === 'success' || outcome === 'ignored') return
    const most = Math.max(MAX_RETRY_AFTER, this.#policy.max)
    this.notBefore = Math.max(this.notBefore, now + Math.min(retryAfter, most))
  }

  /** Once per opening, after `lengthAt()`. */
  grow(): void {
    if (this.#hasStandIn && !this.#hasStandIn()) return
    if (this.#mayGrow) this.#level++
    this.#chance = this.#draw()
  }

  /** One level less per `initial` ms of health. */
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

  /** As after so many openings in a row. */
  restore(level: number): void {
    this.#level = 0
    for (let left = level; left > 0 && this.#mayGrow; left--) this.#level++
  }

  /** One level above the cap and no further, or health would have to make up for every opening there was. */
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
