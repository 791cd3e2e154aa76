import { checkNumber } from '../options.ts'

/** How much one answer moves the mean, once there are a few. */
const MEMORY = 0.1

/** Latencies below this, in ms, are all alike: what differs there is the client's own event loop. */
const FLOOR = 5

/** How long an endpoint's answers take by this client's own clock: the one thing that a server cannot lie about. */
export class Measured {
  /** Milliseconds; negative while nothing is known. */
  ms = -1
  #answers = 0

  /** `isMerit`: it was answered well. What failed, was refused or given up counts only if it took longer than is usual. */
  add(ms: number, isMerit: boolean): void {
    if (!isMerit && ms <= this.ms) return
    this.ms += (ms - this.ms) * Math.max(MEMORY, 1 / ++this.#answers)
  }
}

/**
 * How little is believed of what each endpoint reports, 0 to 1: nothing of the good that one says of itself whose answers take
 * `slower` times the median of all, everything up to the median, and in between in proportion. A sharp limit would have
 * an endpoint go to and fro across it: with the traffic its report brings it is slow, and without that it is not.
 */
export function doubts(measured: readonly (Measured | undefined)[], slower: number): readonly number[] {
  const known = measured.flatMap((each) => (each && each.ms >= 0 ? [each.ms] : []))
  const usual = Math.max(median(known), FLOOR)
  return measured.map((each) => {
    if (slower === Infinity || !each || each.ms < 0 || known.length < 2) return 0
    return Math.min(Math.max((each.ms / usual - 1) / (slower - 1), 0), 1)
  })
}

/** The lower one of two in the middle: of two instances, the one that says or takes less is the usual one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}

/** The option `slower` of the strategies that read reports. */
export function checkSlower(name: string, slower: number): void {
  checkNumber(name, slower, { min: 1, exclusive: true })
}
