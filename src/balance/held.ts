/**
 * Attempts that were over sooner than usual, and count as load for as long as a usual one: on average as many as would be in
 * flight. So an instance that answers 404 at once does not look idle.
 */
export class Held {
  #count = 0
  #at = 0
  /** Milliseconds in which the count fades to 1/e. */
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
