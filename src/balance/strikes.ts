import { Refusals } from './refusals.ts'

/** The first failure multiplies the cost of an endpoint by this. Each further failure in a row multiplies it again. */
const FAILURE_FACTOR = 8
const MAX_PENALTY = 256
const MAX_COUNT = 3

/**
 * In milliseconds. The first penalty fades to 1/e in `FADE_MS`. Each further failure makes the time `FADE_GROWTH` times
 * longer.
 */
const FADE_MS = 1_000
const FADE_GROWTH = 4

/**
 * A factor on the cost of an endpoint. It grows with failures in a row, fades with time, and shrinks with successes.
 * After a single failure an endpoint is avoided for a moment, after failures in a row for about a minute.
 */
export class Strikes {
  count = 0
  #penalty = 1
  #at = -Infinity
  #fade = FADE_MS
  readonly #refusals = new Refusals()

  penalty(now: number): number {
    return this.count === 0 ? 1 : 1 + (this.#penalty - 1) * Math.exp((this.#at - now) / this.#fade)
  }

  /** An attempt that began before the last strike belongs to the same incident, so it does not count again. */
  addFailure(started: number, now: number): void {
    if (started < this.#at) return
    this.count = Math.min(this.count + 1, MAX_COUNT)
    this.#penalty = Math.max(this.penalty(now), Math.min(FAILURE_FACTOR ** this.count, MAX_PENALTY))
    this.#fade = FADE_MS * FADE_GROWTH ** (this.count - 1)
    this.#at = now
  }

  /** Counts one response with status 429. It becomes a strike only if the instance refuses many requests. */
  addRefusal(started: number, now: number): void {
    if (this.#refusals.count(true)) this.addFailure(started, now)
  }

  /** Counts a success. If the request began before the last strike, it tells nothing about the time after it. */
  addSuccess(started: number, now: number): void {
    this.#refusals.count(false)
    if (this.count === 0 || started < this.#at) return
    this.#penalty = 1 + (this.penalty(now) - 1) / 2
    this.#at = now
    this.count--
  }
}
