/**
 * The key of a member of clients and applications. A document that is read while the process runs changes their
 * options through it.
 */
export const configurable: unique symbol = Symbol('outrigger.configurable')

/** The options that a document changes. */
export interface Configured {
  /** Returns the current options. */
  options(this: void): Readonly<Record<string, unknown>>
  /** Returns the options after an update, without applying it. Throws if the update is invalid. */
  check(this: void, update: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
  /** Checks the complete update, then applies it. */
  update(this: void, update: Readonly<Record<string, unknown>>, by: { by: string }): void
  /** The option whose members are merged by name. */
  readonly group: 'routes' | 'services'
  /** For `explain()`: each function returns which document has set which option. */
  readonly owners: Set<() => Readonly<Record<string, string>>>
  /**
   * Calls `end` when the client or application closes: synchronously if it is closed already. The returned function
   * cancels this.
   */
  onClose(this: void, end: () => void): () => void
}

export interface Configurable {
  /** @internal */
  readonly [configurable]: Configured
}

/** Returns which document has set which option, for all documents. */
export function ownersOf({ owners }: Pick<Configured, 'owners'>): Readonly<Record<string, string>> {
  return Object.fromEntries([...owners].flatMap((read) => Object.entries(read())))
}
