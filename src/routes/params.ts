import { canonicalPath } from './canonical.ts'
import type { RouteKey } from './key.ts'

/**
 * Returns the decoded parameters of a request path that `route` matched. `'**'` is the rest of the path. A value that
 * is not valid UTF-8 is returned as it was sent. This is separate from matching, because most requests do not need
 * parameters.
 */
export function pathParams(route: RouteKey, path: string): Record<string, string> {
  const texts = canonicalPath(path).slice(1).split('/')
  // It has no prototype, so `{__proto__}` is a normal name.
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
