import { quote } from '../options.ts'

/** How many levels plain data may be nested. Deeper data counts as a cycle. */
const MAX_DEPTH = 32

/** Returns a deeply frozen copy of plain data. Throws on anything that JSON cannot represent. */
export function copyData(name: string, value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new TypeError(`${name} must not be nested deeper than ${MAX_DEPTH}`)
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item, index) => copyData(`${name}[${index}]`, item, depth + 1)))
  }
  if (isPlainObject(value)) {
    // Object.fromEntries defines own properties, so a key called __proto__ stays a key.
    return Object.freeze(
      Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, copyData(`${name}.${key}`, item, depth + 1)]),
      ),
    )
  }
  const leaf =
    value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean'
  if (!leaf && !Number.isFinite(value)) {
    throw new TypeError(`${name} must be plain data that JSON can carry, got ${quote(value)}`)
  }
  return value
}

/** Deep equality of plain data. The order of keys does not matter. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  for (const key of keys)
    if (!Object.hasOwn(b, key) || !sameData(member(a, key), member(b, key))) return false
  return true
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function member(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key]
}
