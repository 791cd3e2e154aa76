/** Where a document comes from. */
export interface ConfigSource {
  /** The name in events and warnings, such as `'etcd key /config/users'`. */
  readonly name: string
  /**
   * Yields the complete text at first, and again after each change. Throws while there is no document, or it
   * cannot be read.
   */
  watch(ctx: { signal: AbortSignal }): AsyncIterable<string>
}
