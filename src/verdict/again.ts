import type { Verdict } from './verdict.ts'

/*
 * What may be sent again, and how often. Three places decide that something is, and all of them ask here:
 * - `Departure.mayResend` (attempt/departure.ts): the same attempt, on a fresh connection to the same instance, before the call hears of it;
 * - `replaceUnsent` (call/retry-decision.ts): another attempt takes over what was not sent, with its body, before the call hears of it;
 * - `decideRetry` (call/retry-decision.ts): the call goes on with another round.
 */

/**
 * How often an attempt goes to its instance again by itself. Once: the first connection may have died unnoticed, and RFC 9113 §8.7 allows
 * it. If a fresh one breaks too, the call decides.
 */
export const RESENDS_PER_ATTEMPT = 1

/**
 * How many free rounds a call may have where no other instance is left. If the instance may have worked on the request, 3: several
 * connections of its pool may be dead, and each round finds one. If it said that it has not, 2: a POST that meets a GOAWAY on two instances in
 * turn is still sent again, and a server that goes on saying so is not asked for ever.
 */
export function freeRoundsWithoutOther({ processed }: Verdict): number {
  return processed === 'no' ? 2 : 3
}

/**
 * How many tries of a call are free at most, on all instances together. Enough to get past half of a fleet that has just died; all of a
 * large one must not be called on in turn.
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

/** Whether a body can be sent again as it is; the boundary of a FormData is another each time. */
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
