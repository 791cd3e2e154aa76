import { canonicalPath } from './canonical.ts'
import type { RouteKey } from './key.ts'

/**
 * The decoded parameters of a request path that `route` matched, kept apart from matching because most
 * requests never ask. `'**'` is the rest of the path. What is no UTF-8 once decoded is given as it was sent.
 */
export function pathParams(route: RouteKey, path: string): Record<string, string> {
  const texts = canonicalPath(path).slice(1).split('/')
  // Without a prototype: '{__proto__}' is a name like any other.
  const params = Object.create(null) as Record<string, string>
  for (const [index, segment] of route.segments.entries()) {
    if (segment.kind === 'param') params[segment.name] = decode(texts[index] ?? '')
    if (segment.kind === 'rest') params[segment.name] = texts.slice(index).map(decode).join('/')
  }
  return params
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
