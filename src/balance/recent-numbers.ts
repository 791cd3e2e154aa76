/** How many numbers are remembered. */
const SIZE = 128

/** The quantile and the median are computed again after this many new numbers. */
const UPDATE_EVERY = 16

/** The numbers that all endpoints reported recently. */
export class RecentNumbers {
  /** The quantile: larger numbers are among the largest. Infinity before enough numbers are known. */
  limit: number = Infinity
  /** The median. One server that reports false numbers can move a mean, but not the median. */
  middle = 0
  readonly #quantile: number
  readonly #numbers = new Float64Array(SIZE)
  #count = 0

  /** `quantile` is the share of the numbers that do not exceed the limit, 0 to 1. */
  constructor(quantile: number) {
    this.#quantile = quantile
  }

  add(number: number): void {
    this.#numbers[this.#count++ % SIZE] = number
    if (this.#count % UPDATE_EVERY !== 0) return
    const known = Math.min(this.#count, SIZE)
    const sorted = this.#numbers.subarray(0, known).toSorted()
    this.middle = sorted[known >> 1] as number
    const at = Math.floor(this.#quantile * known)
    this.limit = at === 0 ? -1 : at >= known ? Infinity : (sorted[at] as number)
  }
}
