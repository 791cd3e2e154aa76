/** RFC 9110 §5.6.7: the form of `asctime()` names no zone, and means UTC. */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

/**
 * The Retry-After header (RFC 9110 §10.2.3: seconds or an HTTP date) in ms; 0 when absent or unreadable. A date is
 * measured against the response's own Date header, so that a skewed clock does not matter, or without one against
 * `now` (Unix ms).
 */
export function retryAfter(
  header: string | string[] | undefined,
  date: string | string[] | undefined,
  now: number,
): number {
  const value = (Array.isArray(header) ? header[0] : header)?.trim()
  if (!value) return 0
  // Fractions are not in the RFC, but some servers send them.
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000
  const until = httpDate(value)
  const since = typeof date === 'string' ? httpDate(date) : NaN
  return Math.max(until - (Number.isNaN(since) ? now : since), 0) || 0
}

/** Only the forms that begin with a day's name: `Date.parse` reads '-5' as a year. */
function httpDate(text: string): number {
  if (!/^[A-Z][a-z]{2}/.test(text)) return NaN
  return Date.parse(ASCTIME.test(text) ? `${text} GMT` : text)
}
