import type { Dispatcher } from '../undici.ts'
import type { CheckFailure } from '../observe/events.ts'
import { retryAfter } from '../verdict/retry-after.ts'
import type { CheckResult } from './health.ts'

/** The headers of an answer, as undici passes them to a handler. */
export type AnswerHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/**
 * In ms. An overloaded server is not checked for this time, or for its Retry-After if that is longer, up to the
 * maximum.
 */
const PAUSE = 60_000
const MAX_PAUSE = 600_000

export const PASS: CheckResult = Object.freeze({ outcome: 'pass' })

export function failed(failure: CheckFailure): CheckResult {
  return { outcome: 'fail', failure }
}

/** The server is overloaded, which says nothing about its health. */
export function paused(headers: AnswerHeaders): CheckResult {
  const requested = retryAfter(headers['retry-after'], headers['date'], 0)
  return { outcome: 'none', pause: Math.min(Math.max(requested, PAUSE), MAX_PAUSE) }
}
