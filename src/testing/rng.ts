/** The generator mulberry32. It is small and fast, and its quality is sufficient for simulations. */
export class Rng {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Returns a number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** Returns another stream, so that more numbers drawn from one do not change the numbers of the other. */
  fork(): Rng {
    return new Rng(this.next() * 2 ** 32)
  }
}
