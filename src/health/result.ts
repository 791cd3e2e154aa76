import type { Dispatcher } from '../undici.ts'
import type { CheckFailure } from '../observe/events.ts'
import { retryAfter } from '../verdict/retry-after.ts'
import type { CheckResult } from './health.ts'

/** The headers of an answer, as undici hands them to a handler. */
export type AnswerHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** A server that has too much to do is left alone for this many ms, or for more with Retry-After; one of days is not meant. */
const PAUSE = 60_000
const MAX_PAUSE = 600_000

export const PASS: CheckResult = Object.freeze({ outcome: 'pass' })

export function failed(failure: CheckFailure): CheckResult {
  return { outcome: 'fail', failure }
}

/** The server has too much to do, and says nothing about its health. */
export function paused(headers: AnswerHeaders): CheckResult {
  const wish = retryAfter(headers['retry-after'], headers['date'], 0)
  return { outcome: 'none', pause: Math.min(Math.max(wish, PAUSE), MAX_PAUSE) }
}
