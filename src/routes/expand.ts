import { checkRecord } from '../options.ts'
import { parseRouteKey, type RouteKey } from './key.ts'
import { encodeScalar, type Scalar } from './text.ts'

/** The values for the `{name}` segments of a route. `'**'` is the rest of a `/**` route, such as `'2026/may.csv'`. */
export type PathParams = Readonly<Record<string, Scalar>>

/**
 * Returns the request path of a route. Each value is percent-encoded, so it stays within its segment. Throws a
 * TypeError that names the parameter and the route if a parameter is missing, empty or unknown.
 *
 * @example
 * expandPath('GET /users/{id}/files/**', { id: 42, '**': 'a b/c.txt' }) // '/users/42/files/a%20b/c.txt'
 */
export function expandPath(route: RouteKey | string, params: PathParams = {}): string {
  const { key, segments } = typeof route === 'string' ? parseRouteKey(route) : route
  checkRecord('params', params)
  for (const name of Object.keys(params)) {
    if (!segments.some((segment) => segment.kind !== 'static' && segment.name === name)) {
      throw new TypeError(`route '${key}' has no parameter '${name}'`)
    }
  }
  let path = ''
  for (const segment of segments) {
    if (segment.kind === 'static') {
      path += `/${segment.text}`
      continue
    }
    const label = `parameter '${segment.name}' of route '${key}'`
    const value: unknown = Object.hasOwn(params, segment.name) ? params[segment.name] : undefined
    if (value === undefined || value === null || value === '') {
      throw new TypeError(`${label} is ${value === '' ? 'empty' : 'missing'}`)
    }
    const parts: unknown[] = segment.kind === 'rest' && typeof value === 'string' ? value.split('/') : [value]
    for (const part of parts) path += `/${encodeSegment(label, part)}`
  }
  return path
}

function encodeSegment(label: string, value: unknown): string {
  if (value === '') throw new TypeError(`${label} has an empty segment`)
  // A percent-encoded dot segment is still a dot segment (WHATWG URL). So no encoding makes it safe.
  if (value === '.' || value === '..') throw new TypeError(`${label} must not be the dot segment '${value}'`)
  return encodeScalar(label, value)
}
