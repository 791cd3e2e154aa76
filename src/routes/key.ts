import { quote } from '../options.ts'
import { canonicalPath } from './canonical.ts'

export type Segment =
  | { readonly kind: 'static'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: '**' }

/** A parsed route key such as `'GET /users/{id}'`. */
export interface RouteKey {
  /** The key as the user wrote it, with the method in upper case. */
  readonly key: string
  /** The method in upper case. `'*'` means any method. */
  readonly method: string
  /** The path template as the user wrote it, such as `'/users/{id}'`. */
  readonly path: string
  readonly segments: readonly Segment[]
}

/**
 * Parses `'METHOD /path'`. Without a method, or with `*`, the key applies to any method. Throws a TypeError that quotes
 * the key and says what is wrong with it.
 */
export function parseRouteKey(key: string): RouteKey {
  if (typeof key !== 'string') throw new TypeError(`a route key must be a string, got ${quote(key)}`)
  const refuse = (reason: string): never => {
    throw new TypeError(`route ${quote(key)}: ${reason}`)
  }
  const space = key.startsWith('/') ? -1 : key.indexOf(' ')
  const method = space < 0 ? '*' : key.slice(0, space).toUpperCase()
  const path = key.slice(space + 1)
  if (!/^(?:\*|[A-Z][A-Z\d_-]*)$/.test(method)) refuse(`${quote(key.slice(0, space))} is not a method`)
  if (!path.startsWith('/')) refuse("the path must start with '/'")
  if (/[\s\p{Cc}]/u.test(path)) refuse('the path must not contain whitespace or control characters')
  if (/[?#\\]/.test(path)) refuse("the path must not contain '?', '#' or '\\'")
  if (/%(?![\da-f]{2})/i.test(path)) refuse("a '%' must be followed by two hex digits")
  if (!path.isWellFormed()) refuse('the path contains half of a surrogate pair')

  const names = new Set<string>()
  const parts = path.slice(1).split('/')
  const segments = parts.map((part, index): Segment => {
    const last = index === parts.length - 1
    if (part === '' && !last) refuse('a segment is empty')
    if (part === '**') return last ? { kind: 'rest', name: '**' } : refuse("'**' must be the last segment")
    if (part.includes('*'))
      refuse("'*' is not a wildcard; write '{name}' for one segment or '/**' at the end")
    if (part.startsWith(':')) refuse(`write '{${part.slice(1)}}', not '${part}'`)
    if (/^(?:\.|%2e){1,2}$/i.test(part)) refuse(`'${part}' is a dot segment, which no request path contains`)
    if (!/[{}]/.test(part)) return { kind: 'static', text: canonicalPath(`/${part}`).slice(1) }

    const name = /^\{([^{}]*)\}$/.exec(part)?.[1]
    if (name === undefined) return refuse(`'${part}': a parameter must be a whole segment, '{name}'`)
    if (!/^[\p{L}\p{N}_.$-]+$/u.test(name))
      refuse(`the name in '{${name}}' must consist of letters, digits and '_.$-'`)
    if (names.has(name)) refuse(`the parameter '{${name}}' occurs twice`)
    names.add(name)
    return { kind: 'param', name }
  })
  return {
    key: space < 0 ? path : `${method} ${path}`,
    method,
    path,
    segments,
  }
}
