import type { Tried } from '../call/operation.ts'

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Answers that another instance may well improve on. A 500 is the application's, and likely to be everyone's. */
const RETRYABLE_STATUS = new Set([429, 502, 503, 504])

/** Whether repeating cannot do what doing it once would not. */
export function isIdempotent(method: string, hasIdempotencyKey: boolean): boolean {
  return hasIdempotencyKey || IDEMPOTENT.has(method)
}

/** The one retry rule of the HTTP doors, for a try whose outcome was a failure or an overload. */
export function isRetryable(tried: Tried<unknown>, idempotent: boolean): boolean {
  if (!tried.ok) return !tried.sent || idempotent
  const { status = 0 } = tried.attempt
  // Below 500 only the user's own `classify` can have called it a failure.
  return idempotent && (RETRYABLE_STATUS.has(status) || status < 500)
}

/** Whether a body can be sent again, byte for byte. */
export function isReplayable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof Blob ||
    body instanceof FormData
  )
}
