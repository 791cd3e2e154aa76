import { checkNumber } from '../options.ts'

/** The smallest weight of one response in the mean. */
const MIN_WEIGHT = 0.1

/** In milliseconds. Latencies below this count as equal: such differences come from the client's own event loop. */
const MIN_LATENCY_MS = 5

/** The latency of an endpoint, measured with this client's clock. A server cannot falsify it. */
export class Measured {
  /** The mean latency in milliseconds; negative before the first response. */
  ms = -1
  #answers = 0

  /**
   * `isMerit` is true for a good response. Failed, refused and abandoned attempts count only if they took longer than
   * the mean.
   */
  add(ms: number, isMerit: boolean): void {
    if (!isMerit && ms <= this.ms) return
    this.ms += (ms - this.ms) * Math.max(MIN_WEIGHT, 1 / ++this.#answers)
  }
}

/**
 * Returns for each endpoint how much its reports are doubted, from 0 to 1. The doubt is 0 up to the median latency of
 * all endpoints and 1 from `slower` times the median on. It grows linearly between these points. With a sharp limit, an
 * endpoint would switch between the two states: believed reports bring traffic that makes it slow, and without that
 * traffic it is fast again.
 */
export function doubts(measured: readonly (Measured | undefined)[], slower: number): readonly number[] {
  const known = measured.flatMap((each) => (each && each.ms >= 0 ? [each.ms] : []))
  const usual = Math.max(median(known), MIN_LATENCY_MS)
  return measured.map((each) => {
    if (slower === Infinity || !each || each.ms < 0 || known.length < 2) return 0
    return Math.min(Math.max((each.ms / usual - 1) / (slower - 1), 0), 1)
  })
}

/**
 * Returns the lower of two middle values. Of two instances, the one with the smaller value is taken as the usual one.
 */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}

/** Checks the option `slower` of the strategies that read load reports. */
export function checkSlower(name: string, slower: number): void {
  checkNumber(name, slower, { min: 1, exclusive: true })
}
