import { isPlainObject } from '../plain-data.ts'
import type { Instance } from '../source.ts'

/** The metadata key of a JSON object with the fields that the registry does not support. */
export const OWN_KEY = 'outrigger'

type Meta = Readonly<Record<string, unknown>>

/**
 * Writes zone and metadata of an instance for a registry whose metadata values are strings. `own` and values
 * that are no plain strings are stored as JSON.
 */
export function packMeta({ zone, metadata }: Instance, own: Meta): Record<string, string> {
  const entries = Object.entries({ ...metadata, zone })
  const isPlain = ([key, value]: [string, unknown]): boolean =>
    typeof value === 'string' && value.length <= 512 && key !== OWN_KEY && /^[\w-]{1,128}$/.test(key)
  const plain = entries.filter((entry) => isPlain(entry)) as [string, string][]
  const rest = Object.entries(metadata ?? {}).filter((entry) => entry[0] === 'zone' || !isPlain(entry))
  const json = JSON.stringify({ ...own, ...(rest.length > 0 && { metadata: Object.fromEntries(rest) }) })
  return { ...Object.fromEntries(plain), [OWN_KEY]: json }
}

/** Reads what `packMeta()`, or another program, wrote. `own` may contain anything. */
export function unpackMeta(meta: unknown): {
  own: Meta
  zone: string | undefined
  metadata: Meta | undefined
} {
  const { [OWN_KEY]: json, zone, ...plain } = isPlainObject(meta) ? meta : {}
  const own = parseObject(json)
  const metadata = { ...plain, ...(isPlainObject(own['metadata']) && own['metadata']) }
  return {
    own,
    zone: typeof zone === 'string' && zone !== '' ? zone : undefined,
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
  }
}

function parseObject(json: unknown): Meta {
  try {
    const value: unknown = JSON.parse(String(json))
    return isPlainObject(value) ? value : {}
  } catch {
    return {}
  }
}
