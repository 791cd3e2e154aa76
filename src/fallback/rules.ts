import { directivesOf, secondsOf } from './cache-control.ts'
import type { RequestKeys } from './key.ts'

/** A response with one of these directives must not be served stale (RFC 9111, sections 4.2.4 and 5.2.2.10). */
const NEVER_STALE = ['no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage']

/** A response with one of these directives must not be shared between callers (RFC 9111, section 5.2.2). */
const NEVER_SHARED = ['no-store', 'no-cache', 'private']

/** With one of these statuses the service says that the caller may not, or can no longer, get the resource. */
const REVOKING_STATUSES = new Set([401, 403, 404, 410, 451])

/** True if the request identifies its caller. */
function isPersonal(headers: Headers): boolean {
  return headers.has('authorization') || headers.has('cookie')
}

/**
 * Returns how old a response may be that the caller accepts, in milliseconds: 0 if it asks for a new one (RFC 9111,
 * section 5.2.1).
 */
export function acceptedAge(headers: Headers, cacheMode: string): number {
  if (cacheMode === 'no-store' || cacheMode === 'reload' || cacheMode === 'no-cache') return 0
  if (headers.get('pragma')?.toLowerCase().includes('no-cache')) return 0
  const directives = directivesOf(headers)
  if (directives.has('no-store') || directives.has('no-cache') || directives.has('min-fresh')) return 0
  return secondsOf(directives, 'max-age', Infinity) * 1000
}

/** Returns for how many milliseconds a response may be served when the service fails; 0 means never. */
export function usableFor(response: Response, asked: Headers, keys: RequestKeys, maxAge: number): number {
  const { status, headers } = response
  if (status !== 200 || headers.has('set-cookie') || !keys.covers(headers.get('vary'))) return 0
  const directives = directivesOf(headers)
  if (NEVER_STALE.some((name) => directives.has(name))) return 0
  if (directives.has('private') && !isPersonal(asked)) return 0
  // `stale-if-error` limits how long the service allows that (RFC 5861, section 4).
  return Math.min(maxAge, secondsOf(directives, 'stale-if-error', Infinity) * 1000)
}

/** True if a response may be given to all callers that made the same request at the same time (RFC 9111, section 4). */
export function mayShare({ headers }: Response, keys: RequestKeys): boolean {
  if (headers.has('set-cookie') || !keys.covers(headers.get('vary'))) return false
  const directives = directivesOf(headers)
  if (NEVER_SHARED.some((name) => directives.has(name))) return false
  // The response is fresh for 0 seconds and must not be used after that.
  const mustAsk = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => directives.has(name))
  const lifetime = secondsOf(directives, 's-maxage', secondsOf(directives, 'max-age', Infinity))
  return !(mustAsk && lifetime === 0)
}

/** True if the stored response to a request must be deleted after this response of the service. */
export function revokes({ status, headers }: Response, isGood: boolean): boolean {
  // This does not depend on `classify`: a caller that has lost access must not get an old copy.
  if (status === 401 || status === 403) return true
  if (!isGood) return false
  if (REVOKING_STATUSES.has(status)) return true
  return directivesOf(headers).has('no-store') || (status >= 200 && status < 300 && headers.has('set-cookie'))
}
