import { quote } from '../options.ts'

export type Scalar = string | number | bigint | boolean

/** Percent-encodes one value of a path or query. `name` identifies it in error messages. */
export function encodeScalar(name: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed()) return encodeURIComponent(value)
      throw new TypeError(`${name} contains half of a surrogate pair: ${quote(value)}`)
    case 'number':
      // 'NaN' in a URL is an error of the caller. Without this check, the server would answer 404.
      if (Number.isFinite(value)) return encodeURIComponent(value)
      break
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
  }
  throw new TypeError(`${name} must be a string, a finite number, a bigint or a boolean, got ${quote(value)}`)
}
