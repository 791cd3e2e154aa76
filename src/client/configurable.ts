/** How a document that is read while the process runs changes a client, or an application. */
export const configurable: unique symbol = Symbol('outrigger.configurable')

/** What a document changes. */
export interface Configured {
  /** The options as they are now. */
  options(this: void): Readonly<Record<string, unknown>>
  /** The options as they would be after an update. Throws for one that would be refused. */
  check(this: void, update: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
  /** Checks the whole, then applies it. */
  update(this: void, update: Readonly<Record<string, unknown>>, by: { by: string }): void
  /** The option that is merged by name. */
  readonly group: 'routes' | 'services'
  /** Whose documents have set what is in force, by option: for `explain()`. */
  readonly owners: Set<() => Readonly<Record<string, string>>>
  /** Calls `end` when it closes, at once if it has. What is returned takes that back. */
  onClose(this: void, end: () => void): () => void
}

export interface Configurable {
  /** @internal */
  readonly [configurable]: Configured
}

/** What all of them say together. */
export function ownersOf({ owners }: Pick<Configured, 'owners'>): Readonly<Record<string, string>> {
  return Object.fromEntries([...owners].flatMap((read) => Object.entries(read())))
}
