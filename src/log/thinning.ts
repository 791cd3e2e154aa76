/** Keys that are remembered at a time: ids of instances come from outside. */
const MAX_KEYS = 1_000

interface Entry<Line> {
  until: number
  /** Further events of the key since its last line. */
  count: number
  last: Line
}

/**
 * Lets the first event of a key through, and counts the others until `ms` have passed. It owns no timer: the time is that
 * of the events, and a count is told with the next event of any key.
 */
export class Thinning<Line> {
  readonly #ms: number
  readonly #write: (line: Line, repeated: number) => void
  readonly #entries = new Map<string, Entry<Line>>()

  constructor(ms: number, write: (line: Line, repeated: number) => void) {
    this.#ms = ms
    this.#write = write
  }

  add(key: string, line: Line, at: number): void {
    this.flush(at)
    const entry = this.#entries.get(key)
    if (entry) {
      entry.count++
      entry.last = line
      return
    }
    this.#write(line, 0)
    if (this.#ms <= 0) return
    if (this.#entries.size >= MAX_KEYS) this.flush(Infinity)
    this.#entries.set(key, { until: at + this.#ms, count: 0, last: line })
  }

  /** Writes what was counted for keys whose time is over by `at`. */
  flush(at: number): void {
    for (const [key, entry] of this.#entries) {
      // Entries are in the order of their end.
      if (entry.until > at) return
      this.#entries.delete(key)
      if (entry.count > 0) this.#write(entry.last, entry.count)
    }
  }
}
