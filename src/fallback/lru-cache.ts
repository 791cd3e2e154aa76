interface Entry<T> {
  readonly value: T
  readonly group: string
  readonly bytes: number
}

/** A map that drops the least recently used entries when it has too many entries or bytes. */
export class LruCache<T> {
  readonly #maxEntries: number
  readonly #maxBytes: number
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<T>>()
  readonly #groups = new Map<string, Set<string>>()
  #bytes = 0

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  peek(key: string): T | undefined {
    return this.#entries.get(key)?.value
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  /** `deleteGroup()` deletes all entries of a group. */
  put(key: string, group: string, value: T, bytes: number): void {
    this.delete(key)
    this.#entries.set(key, { value, group, bytes })
    const members = this.#groups.get(group)
    if (members) members.add(key)
    else this.#groups.set(group, new Set([key]))
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#bytes -= entry.bytes
    this.#entries.delete(key)
    const members = this.#groups.get(entry.group)
    members?.delete(key)
    if (members?.size === 0) this.#groups.delete(entry.group)
  }

  deleteGroup(group: string): void {
    for (const key of this.#groups.get(group) ?? []) this.delete(key)
  }
}
