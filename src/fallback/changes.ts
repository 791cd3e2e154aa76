/**
 * The number of paths whose last change is remembered. All older paths share the time of the latest change among them.
 */
const MAX_PATHS = 1000

/**
 * Remembers when each path was changed last. If a request was sent before the change, its response may show the old
 * state. Then it must not be stored.
 */
export class Changes {
  /** Least recently changed first. */
  readonly #times = new Map<string, number>()
  /** A counter instead of a time, as two events can happen in one millisecond. */
  #now = 0
  #floor = -1

  /** Returns the number of the current event. */
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

  /** True if the path may have changed since `tick` was taken. */
  since(path: string, tick: number): boolean {
    return tick < (this.#times.get(path) ?? this.#floor)
  }
}
