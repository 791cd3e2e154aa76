import type { Verdict } from './verdict.ts'

/** How often an attempt goes to its instance again at once, on a fresh connection (RFC 9113 §8.7). */
export const RESENDS_PER_ATTEMPT = 1

/** How many free rounds of a call may go to the same instance: what is in a pool may be dead to the last connection. */
export function roundsOnSameInstance({ processed }: Verdict): number {
  return processed === 'no' ? 2 : 3
}

/**
 * How many tries of one call may go on without being charged. Enough to get past half of a fleet that has just died;
 * all of a large one must not be called on in turn.
 */
export const FREE_TRIES_PER_CALL = 10

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Answers that another instance may well improve on. A 500 is the application's, and likely to be everyone's. */
const RETRYABLE_STATUS = new Set([429, 502, 503, 504])

/** Whether repeating cannot do what doing it once would not. */
export function isIdempotent(method: string, hasIdempotencyKey: boolean): boolean {
  return hasIdempotencyKey || IDEMPOTENT.has(method)
}

/** Whether a request may be sent again after this verdict. */
export function mayRepeat({ again, processed }: Verdict, idempotent: boolean): boolean {
  return again !== 'never' && (processed === 'no' || idempotent)
}

/**
 * Why a call is not to go on after this verdict, or undefined if it may: the one retry rule of every door. `status` is that of the
 * answer, if one came.
 */
export function whyNotAgain(
  verdict: Verdict,
  status: number | undefined,
  idempotent: boolean,
): 'verdict' | 'status' | 'not-idempotent' | undefined {
  if (verdict.again === 'never') return 'verdict'
  // Below 500 only the user's own `classify` can have called it a failure.
  if (status !== undefined && status >= 500 && !RETRYABLE_STATUS.has(status)) return 'status'
  return mayRepeat(verdict, idempotent) ? undefined : 'not-idempotent'
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
