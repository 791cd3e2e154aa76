import { Refusals } from './refusals.ts'

/** What the first failure multiplies an endpoint's cost by; each further one in a row does so again. */
const FACTOR = 8
const MAX_PENALTY = 256
const MAX_COUNT = 3

/** Milliseconds in which the first penalty fades to 1/e, and how much longer each further one takes. */
const FADE = 1_000
const FADE_GROWTH = 4

/**
 * Failures as load: a factor on the cost that grows with failures in a row, fades with time, and shrinks
 * with successes. A rare failure costs an endpoint a moment, a broken one is left alone for a minute.
 */
export class Strikes {
  count = 0
  #penalty = 1
  #at = -Infinity
  #fade = FADE
  readonly #refusals = new Refusals()

  penalty(now: number): number {
    return this.count === 0 ? 1 : 1 + (this.#penalty - 1) * Math.exp((this.#at - now) / this.#fade)
  }

  /** What was under way when the last strike fell belongs to the same incident. */
  add(started: number, now: number): void {
    if (started < this.#at) return
    this.count = Math.min(this.count + 1, MAX_COUNT)
    this.#penalty = Math.max(this.penalty(now), Math.min(FACTOR ** this.count, MAX_PENALTY))
    this.#fade = FADE * FADE_GROWTH ** (this.count - 1)
    this.#at = now
  }

  /** One requester was turned away: a strike once enough of them are. */
  doubt(started: number, now: number): void {
    if (this.#refusals.count(true)) this.add(started, now)
  }

  /** An answer to a request from before the last strike says nothing about the time after it. */
  forgive(started: number, now: number): void {
    this.#refusals.count(false)
    if (this.count === 0 || started < this.#at) return
    this.#penalty = 1 + (this.penalty(now) - 1) / 2
    this.#at = now
    this.count--
  }
}
