/** How many keys are stored at a time. The limit is needed because ids of instances come from outside. */
const MAX_KEYS = 1_000

interface Entry<Line> {
  until: number
  /** How many more events of the key there were since its last line. */
  count: number
  last: Line
}

/**
 * Writes the first event of a key at once, and counts further events of the key for `ms` milliseconds. It has
 * no timer: it takes the time from the events, and writes a count when the next event of any key arrives.
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

  /** Writes the counts of all keys whose time has ended by `at`. */
  flush(at: number): void {
    for (const [key, entry] of this.#entries) {
      // Entries are ordered by their end.
      if (entry.until > at) return
      this.#entries.delete(key)
      if (entry.count > 0) this.#write(entry.last, entry.count)
    }
  }
}
