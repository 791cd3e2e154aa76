/**
 * The Retry-After header (RFC 9110 §10.2.3: seconds or an HTTP date) in ms, capped; 0 when absent or unreadable.
 * A date is measured against the response's own Date header, so that a skewed clock does not matter.
 */
export function retryAfter(
  header: string | string[] | undefined,
  date: string | string[] | undefined,
  cap: number,
): number {
  const value = (Array.isArray(header) ? header[0] : header)?.trim()
  if (!value) return 0
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.parse(String(date))
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), cap)
}
