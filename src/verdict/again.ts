import type { Verdict } from './verdict.ts'

/*
 * The rules for sending a request again. Three places use them:
 * - `RequestSender.mayResend` (attempt/request-sender.ts) sends the same attempt on a new connection to the same instance.
 *   The call does not notice it.
 * - `replaceUnsent` (call/retry-decision.ts) moves a request that was not sent, with its body, to another attempt.
 *   The call does not notice it.
 * - `decideRetry` (call/retry-decision.ts) lets the call go on with another round.
 */

/**
 * How often an attempt is sent again to the same instance, before the call knows of the failure. Once: the first
 * connection may have been closed unnoticed, and RFC 9113, section 8.7 allows it. If a new connection breaks too, the
 * call decides.
 */
export const RESENDS_PER_ATTEMPT = 1

/**
 * How many free rounds a call may have if no other instance is left. If the instance may have processed the request, 3:
 * several connections of its pool may be dead, and each round finds one. If it did not process the request, 2: a POST
 * that gets a GOAWAY from two instances one after the other is still sent again, and a server that always refuses is
 * not asked forever.
 */
export function freeRoundsWithoutOther({ processed }: Verdict): number {
  return processed === 'no' ? 2 : 3
}

/**
 * The maximum number of free attempts of a call, on all instances together. It is enough when half of a fleet has just
 * died, but does not let a call try every instance of a large fleet.
 */
export const FREE_ATTEMPTS_PER_CALL = 10

/** The idempotent methods (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/**
 * The statuses of 500 and above for which another instance may respond better. A 500 comes from the application, and is
 * likely on every instance.
 */
const RETRYABLE_5XX = new Set([502, 503, 504])

/** True if sending the request twice has the same effect as sending it once. */
export function isIdempotent(method: string, hasIdempotencyKey: boolean): boolean {
  return hasIdempotencyKey || IDEMPOTENT.has(method)
}

/** True if a request may be sent again after this verdict. */
export function mayRepeat({ again, processed }: Verdict, idempotent: boolean): boolean {
  return again !== 'never' && (processed === 'no' || idempotent)
}

/**
 * Returns why a call must not go on after this verdict, or undefined if it may. Every door uses this rule. `status` is
 * that of the response, if there was one.
 */
export function whyNotAgain(
  verdict: Verdict,
  status: number | undefined,
  idempotent: boolean,
): 'verdict' | 'status' | 'not-idempotent' | undefined {
  if (verdict.again === 'never') return 'verdict'
  // Below 500 the verdict alone decides: a 429 is `busy`, and another status is a failure only if `classify` says so.
  if (status !== undefined && status >= 500 && !RETRYABLE_5XX.has(status)) return 'status'
  return mayRepeat(verdict, idempotent) ? undefined : 'not-idempotent'
}

/** True if a body can be sent again. The boundary of a FormData differs each time. */
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
