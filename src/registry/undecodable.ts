import { redactUrls } from './origin.ts'
import type { Instance } from './source.ts'

/** How many characters of a value are shown. */
const SHOWN = 200

/** Why each entry that `undecodable()` made could not be decoded. */
const reasons = new WeakMap<object, string>()

/**
 * Makes a placeholder for an entry that could not be decoded. `SnapshotReader` drops it with this reason and
 * keeps the other entries. Events show the key and the beginning of the value, without credentials.
 */
export function undecodable(id: string, key: string, value: string, error: unknown): Instance {
  const shown = redactUrls(value)
  const entry = { id, key, value: shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown }
  reasons.set(entry, `${key} cannot be decoded: ${redactUrls(textOf(error))}`)
  // It is never used as an instance: `SnapshotReader` checks for the reason first.
  return entry as unknown as Instance
}

/** Why the entry could not be decoded, or undefined if it was decoded. */
export function whyUndecodable(entry: object): string | undefined {
  return reasons.get(entry)
}

/** `decode` may be a function of the user's, which can throw any value. */
function textOf(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'an error that cannot be shown'
  }
}
