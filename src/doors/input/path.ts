import { pathOf } from '../../url.ts'

/** Characters that the URL parser does not change. */
const NORMAL = /^[\w~!$&()*+,;=:@%/?.-]*$/
/** A segment that begins with a dot: the parser resolves `.` and `..`. */
const DOTS = /\/(?:\.|%2e)/i

/**
 * Returns a path as the URL parser normalises it: `..` is resolved, the fragment is removed, and all characters that
 * are not ASCII are escaped.
 */
export function normalPath(path: string, origin: string): string {
  if (NORMAL.test(path) && !DOTS.test(path)) return path
  return pathOf(new URL(origin + path))
}
