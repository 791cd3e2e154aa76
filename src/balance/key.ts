import { asked } from '../hooks/asked.ts'
import { checkHeaderName, checkObject, quote } from '../options.ts'
import type { PickRequest } from './balancer.ts'
import { detached } from './detached.ts'

/**
 * Where the key of a request comes from: a header, a cookie, a path parameter of the route, or a function. A function
 * that returns undefined or null gives no key. If it throws or returns another type, the client warns once, and the
 * request has no key.
 */
export type KeyOption =
  | ((request: PickRequest) => string | null | undefined)
  | { readonly header: string }
  | { readonly cookie: string }
  | { readonly param: string }

/** Checks a key option and returns a function that reads the key. */
export function keyReader(name: string, key: KeyOption): (request: PickRequest) => string | undefined {
  if (typeof key === 'function') return fromFunction(name, key)
  checkObject(name, key, ['header', 'cookie', 'param'])
  const entries = Object.entries<unknown>(key)
  const [kind, field] = entries[0] ?? []
  if (entries.length !== 1 || typeof field !== 'string' || field === '') {
    throw new TypeError(`${name} must name one header, cookie or param, got ${quote(key)}`)
  }
  if (kind === 'param') return (request) => request.param?.(field)
  if (kind === 'cookie') return (request) => cookie(request.header?.('cookie'), field)
  const header = checkHeaderName(`${name}.header`, field)
  return (request) => request.header?.(header)
}

/** If the function throws or returns no string, the request has no key. The call goes on. */
function fromFunction(
  name: string,
  key: (request: PickRequest) => unknown,
): (request: PickRequest) => string | undefined {
  const warning = { name, rule: 'a string', instead: 'such a call has no key', code: 'OUTRIGGER_KEY' }
  return (request) => asked(() => key(detached(request)), keyOf, key, warning) ?? undefined
}

/** A number is not a key: all numbers would have the same hash. */
function keyOf(value: unknown): string | null | undefined {
  return typeof value === 'string' || value === null ? value : undefined
}

function cookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
