/**
 * Load of attempts that ended faster than usual. Each still counts as load for the usual duration, fading with time. So
 * an instance that answers 404 at once does not look idle.
 */
export class FastAttemptLoad {
  #count = 0
  #at = 0
  /** The time in which the count fades to 1/e, in milliseconds. */
  #fade = 1

  count(now: number): number {
    return this.#count * Math.exp((this.#at - now) / this.#fade)
  }

  add(now: number, usual: number): void {
    this.#count = this.count(now) + 1
    this.#at = now
    this.#fade = usual
  }
}
