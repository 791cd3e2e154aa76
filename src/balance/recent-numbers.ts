/** So many are remembered. */
const SIZE = 128

/** New ones from one look at all of them to the next. */
const BETWEEN = 16

/** What was reported lately, by all endpoints together. */
export class RecentNumbers {
  /** What exceeds it is among the largest; Infinity while too little is known. */
  limit: number = Infinity
  /** The median: a mean would be what one liar wants it to be. */
  middle = 0
  readonly #quantile: number
  readonly #numbers = new Float64Array(SIZE)
  #count = 0

  /** `quantile` is the part of them that does not exceed the limit: 0 none, 1 all. */
  constructor(quantile: number) {
    this.#quantile = quantile
  }

  add(number: number): void {
    this.#numbers[this.#count++ % SIZE] = number
    if (this.#count % BETWEEN !== 0) return
    const known = Math.min(this.#count, SIZE)
    const sorted = this.#numbers.subarray(0, known).toSorted()
    this.middle = sorted[known >> 1] as number
    const at = Math.floor(this.#quantile * known)
    this.limit = at === 0 ? -1 : at >= known ? Infinity : (sorted[at] as number)
  }
}
