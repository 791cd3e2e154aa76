import { types } from 'node:util'
import { quote } from '../options.ts'
import { encodeScalar, type Scalar } from './text.ts'

/** A date is written in ISO 8601 in UTC. Undefined and null are left out. */
export type QueryScalar = Scalar | Date | null | undefined

/** An array repeats its name. Each property of an object becomes a separate parameter. */
export type QueryValue = QueryScalar | readonly QueryScalar[] | { readonly [name: string]: QueryScalar }

export type Query = Readonly<Record<string, QueryValue>> | URLSearchParams

/**
 * Appends a query to a path by the defaults of OpenAPI (`style: form, explode: true`). Everything is percent-encoded. A
 * space becomes `%20`, which every decoder understands, unlike `+`. URLSearchParams are appended in their own format.
 *
 * @example
 * appendQuery('/users', { tag: ['a', 'b'], since: new Date(0) })
 * // '/users?tag=a&tag=b&since=1970-01-01T00%3A00%3A00.000Z'
 */
export function appendQuery(path: string, query?: Query): string {
  if (query === undefined) return path
  const text = query instanceof URLSearchParams ? query.toString() : serialize(query)
  if (text === '') return path
  const hash = path.indexOf('#')
  const head = hash < 0 ? path : path.slice(0, hash)
  const separator = !head.includes('?') ? '?' : /[?&]$/.test(head) ? '' : '&'
  return head + separator + text + path.slice(head.length)
}

function serialize(query: Readonly<Record<string, QueryValue>>): string {
  if (!isRecord(query)) throw new TypeError(`query must be an object or URLSearchParams, got ${quote(query)}`)
  const pairs: string[] = []
  const add = (name: string, value: unknown, label = `query.${name}`): void => {
    if (value === undefined || value === null) return
    pairs.push(`${encodeScalar(`the name of ${label}`, name)}=${encodeScalar(label, dateText(label, value))}`)
  }
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) {
      for (const item of value) add(name, item)
    } else if (isRecord(value)) {
      for (const key of Object.keys(value)) add(key, value[key], `query.${name}.${key}`)
    } else {
      add(name, value)
    }
  }
  return pairs.join('&')
}

function dateText(label: string, value: unknown): unknown {
  if (!types.isDate(value)) return value
  if (Number.isNaN(value.getTime())) throw new TypeError(`${label} is an invalid date`)
  return value.toISOString()
}

/**
 * Checks the tag instead of the prototype. So a Map or FormData is rejected, but an object of another realm is
 * accepted.
 */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]'
}
