import type { Clock } from '../clock.ts'
import type { BreakerPolicy } from './policy.ts'

/** How long the next opening lasts: grows with each opening, shrinks again with healthy time. */
export class OpenTime {
  #level = 0
  #chance: number
  #policy: BreakerPolicy['openFor']
  readonly #clock: Clock

  constructor(policy: BreakerPolicy, clock: Clock) {
    this.#policy = policy.openFor
    this.#clock = clock
    this.#chance = this.#draw()
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy.openFor
  }

  /** Random numbers are drawn in advance, so that `next()` can be predicted without changing it. */
  next(): number {
    const { max, jitter } = this.#policy
    return Math.min(max, this.#at(this.#level)) * (1 - jitter * this.#chance)
  }

  /** Once per opening, after `next()`. */
  grow(): void {
    if (this.#mayGrow) this.#level++
    this.#chance = this.#draw()
  }

  /** One level less per `initial` ms of health. */
  shrink(healthy: number): void {
    this.#level = Math.max(0, this.#level - Math.floor(healthy / this.#policy.initial))
  }

  reset(): void {
    this.#level = 0
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
