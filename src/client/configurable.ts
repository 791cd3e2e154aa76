/** How a document that is read while the process runs changes a client, or an application. */
export const configurable: unique symbol = Symbol('outrigger.configurable')

/** What a document changes. */
export interface Configured {
  /** The options as they are now. */
  options(this: void): Readonly<Record<string, unknown>>
  /** Checks the whole, then applies it. */
  update(this: void, update: Readonly<Record<string, unknown>>, by: { by: string }): void
  /** The option that is merged by name. */
  readonly group: 'routes' | 'services'
  /** Calls `end` when it closes, at once if it has. What is returned takes that back. */
  onClose(this: void, end: () => void): () => void
}

export interface Configurable {
  /** @internal */
  readonly [configurable]: Configured
}
