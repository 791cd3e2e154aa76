/** Paths remembered one by one; of older ones only the last time is. */
const MAX_PATHS = 1000

/**
 * When each path was changed last. An answer to a request that was sent before may show what was there before, and
 * must not be kept when it has been read.
 */
export class Changes {
  /** Oldest first. */
  readonly #times = new Map<string, number>()
  /** Counts, for two things can happen in one millisecond. */
  #now = 0
  #floor = -1

  /** The number of what happens now. */
  tick(): number {
    return this.#now++
  }

  record(path: string): void {
    this.#times.delete(path)
    this.#times.set(path, this.tick())
    if (this.#times.size <= MAX_PATHS) return
    const [oldest] = this.#times as Iterable<[string, number]>
    if (!oldest) return
    this.#times.delete(oldest[0])
    this.#floor = oldest[1]
  }

  /** Whether the path may have changed since `tick` was taken. */
  since(path: string, tick: number): boolean {
    return tick < (this.#times.get(path) ?? this.#floor)
  }
}
