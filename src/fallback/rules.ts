import { directivesOf, secondsOf } from './cache-control.ts'
import type { RequestKeys } from './key.ts'

/** RFC 9111 §4.2.4 and §5.2.2.10: answers with one of these must not be served stale. */
const NEVER_STALE = ['no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage']

/** RFC 9111 §5.2.2: answers with one of these are for the one who asked, and for nobody else. */
const NEVER_SHARED = ['no-store', 'no-cache', 'private']

/** The service has answered for certain that there is nothing (more) for whoever asks. */
const REVOKING = new Set([401, 403, 404, 410, 451])

/** Says of a request that it names who is asking. */
function isPersonal(headers: Headers): boolean {
  return headers.has('authorization') || headers.has('cookie')
}

/**
 * For how many ms an answer may be served again: 0 if the caller wants to be asked for anew (RFC 9111 §5.2.1), what
 * he accepts otherwise.
 */
export function acceptedAge(headers: Headers, cacheMode: string): number {
  if (cacheMode === 'no-store' || cacheMode === 'reload' || cacheMode === 'no-cache') return 0
  if (headers.get('pragma')?.toLowerCase().includes('no-cache')) return 0
  const directives = directivesOf(headers)
  if (directives.has('no-store') || directives.has('no-cache') || directives.has('min-fresh')) return 0
  return secondsOf(directives, 'max-age', Infinity) * 1000
}

/** For how many ms an answer may be served when the service fails; 0 is never. */
export function usableFor(response: Response, asked: Headers, keys: RequestKeys, maxAge: number): number {
  const { status, headers } = response
  if (status !== 200 || headers.has('set-cookie') || !keys.covers(headers.get('vary'))) return 0
  const directives = directivesOf(headers)
  if (NEVER_STALE.some((name) => directives.has(name))) return 0
  if (directives.has('private') && !isPersonal(asked)) return 0
  // RFC 5861 §4: how long the service itself finds acceptable.
  return Math.min(maxAge, secondsOf(directives, 'stale-if-error', Infinity) * 1000)
}

/** Whether an answer may be given to all who asked for the same at the same time (RFC 9111 §4). */
export function mayShare({ headers }: Response, keys: RequestKeys): boolean {
  if (headers.has('set-cookie') || !keys.covers(headers.get('vary'))) return false
  const directives = directivesOf(headers)
  if (NEVER_SHARED.some((name) => directives.has(name))) return false
  // Fresh for no time, and not to be used after that.
  const mustAsk = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => directives.has(name))
  const lifetime = secondsOf(directives, 's-maxage', secondsOf(directives, 'max-age', Infinity))
  return !(mustAsk && lifetime === 0)
}

/** Whether what was kept for this request must go, now that the service has answered so. */
export function revokes({ status, headers }: Response, isGood: boolean): boolean {
  // Whatever `classify` makes of it: who has lost the right to see something does not get an old copy.
  if (status === 401 || status === 403) return true
  if (!isGood) return false
  if (REVOKING.has(status)) return true
  return directivesOf(headers).has('no-store') || (status >= 200 && status < 300 && headers.has('set-cookie'))
}
