/** Where a document comes from. */
export interface ConfigSource {
  /** For events and warnings: `'etcd key /config/users'`. */
  readonly name: string
  /** Yields the whole text at first, and after each change. Throws while there is none, or it cannot be read. */
  watch(ctx: { signal: AbortSignal }): AsyncIterable<string>
}
