/** The format of `asctime()` has no time zone and means UTC (RFC 9110, section 5.6.7). */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

/**
 * Returns the Retry-After header in milliseconds; 0 if it is absent or not valid. It contains seconds or an HTTP date
 * (RFC 9110, section 10.2.3). A date is compared with the response's own Date header, so a wrong clock does not matter.
 * Without that header it is compared with `now`, in Unix milliseconds.
 */
export function retryAfter(
  header: string | string[] | undefined,
  date: string | string[] | undefined,
  now: number,
): number {
  const value = (Array.isArray(header) ? header[0] : header)?.trim()
  if (!value) return 0
  // RFC 9110 allows no fractions, but some servers send them.
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000
  const until = httpDate(value)
  const since = typeof date === 'string' ? httpDate(date) : NaN
  return Math.max(until - (Number.isNaN(since) ? now : since), 0) || 0
}

/** Accepts only the formats that begin with the name of a day: `Date.parse` reads '-5' as a year. */
function httpDate(text: string): number {
  if (!/^[A-Z][a-z]{2}/.test(text)) return NaN
  return Date.parse(ASCTIME.test(text) ? `${text} GMT` : text)
}
