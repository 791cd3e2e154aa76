import { quote } from '../options.ts'

export type Scalar = string | number | bigint | boolean

/** Percent-encodes one value of a path or query; `name` says whose it is when it is refused. */
export function encodeScalar(name: string, value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed()) return encodeURIComponent(value)
      throw new TypeError(`${name} holds half of a surrogate pair: ${quote(value)}`)
    case 'number':
      // 'NaN' in a URL is a bug of the caller's that the server would answer with a puzzling 404.
      if (Number.isFinite(value)) return encodeURIComponent(value)
      break
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
  }
  throw new TypeError(`${name} must be a string, a finite number, a bigint or a boolean, got ${quote(value)}`)
}
