import { redactUrls } from './origin.ts'
import type { Instance } from './source.ts'

/** How much of a value is shown, in characters. */
const SHOWN = 200

/** Why each entry made here could not be decoded. */
const reasons = new WeakMap<object, string>()

/**
 * Stands in a snapshot for an entry that could not be decoded: its reader drops it with this reason and keeps the
 * others. Events show the key and the beginning of the value, without credentials.
 */
export function undecodable(id: string, key: string, value: string, error: unknown): Instance {
  const shown = redactUrls(value)
  const entry = { id, key, value: shown.length > SHOWN ? `${shown.slice(0, SHOWN)}…` : shown }
  reasons.set(entry, `${key} cannot be decoded: ${redactUrls(textOf(error))}`)
  // It is never used as an instance: `SnapshotReader` asks for the reason first.
  return entry as unknown as Instance
}

/** Undefined for every entry that was decoded. */
export function whyUndecodable(entry: object): string | undefined {
  return reasons.get(entry)
}

/** `decode` may be the user's, and throw anything. */
function textOf(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'an error that cannot be shown'
  }
}
