import { pathOf } from '../../url.ts'

/** What a URL parser leaves as it is. Dots at the start of a segment may mean another path. */
const NORMAL = /^[\w~!$&()*+,;=:@%/?.-]*$/
const DOTS = /\/(?:\.|%2e)/i

/** A path as the URL parser has it: `..` resolved, no fragment, everything else than ASCII escaped. */
export function normalPath(path: string, origin: string): string {
  if (NORMAL.test(path) && !DOTS.test(path)) return path
  return pathOf(new URL(origin + path))
}
