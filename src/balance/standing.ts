import { Held } from './held.ts'
import type { Strikes } from './strikes.ts'

/**
 * A sample this many times the mean is an instance in trouble and counts at once. Smaller ones are the noise of
 * any queue: believing each of them makes many clients shun the same good instances together.
 */
const PEAK = 8

/** The guess counts as much as this many answers: the first one, with its new connection, says little. */
const GUESS = 5
/** So many answers make the guess needless. */
const KNOWN = 100

/** What is known of one endpoint's speed and health. */
export class Standing {
  /** Milliseconds; negative while nothing is known. */
  latency = -1
  /** When the endpoint was last heard of. */
  at = 0
  /** Made with the first failure: an endpoint in good standing is read in fewer steps. */
  strikes: Strikes | undefined = undefined
  /** Made with the first fast answer that is no merit. */
  held: Held | undefined = undefined
  /** How many latencies went into it. */
  #answers = 0

  /** The latency to expect, where `prior` is the guess for one not heard of yet. */
  expected(prior: number): number {
    if (this.#answers >= KNOWN) return this.latency
    return (this.latency * this.#answers + prior * GUESS) / (this.#answers + GUESS)
  }

  observe(ms: number, now: number, decay: number): void {
    const { latency } = this
    this.#answers++
    if (latency < 0 || ms > latency * PEAK) {
      this.latency = ms
    } else {
      // The mean of the first few; a moving average from then on.
      const kept = Math.min(Math.exp((this.at - now) / decay), 1 - 1 / this.#answers)
      this.latency = latency * kept + ms * (1 - kept)
    }
  }

  /** An answer that is no merit, however fast. */
  hold(ms: number, now: number, prior: number): void {
    const usual = Math.max(this.latency, prior)
    if (ms < usual) (this.held ??= new Held()).add(now, usual)
  }
}
