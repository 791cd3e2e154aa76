import type { Attempt } from '../fleet/attempt.ts'
import { retryAfter } from '../retry/retry-after.ts'
import { classify, type AttemptResult, type Classify } from './classify.ts'

/** Settles an attempt by what came back, with the pause its server may have asked for. */
export function settleAnswer(
  attempt: Attempt,
  answer: AttemptResult,
  custom: Classify | undefined,
  maxRetryAfter: number,
): void {
  const { status, headers } = answer
  attempt.status = status
  const wish = status === 429 || status === 503 ? headers?.['retry-after'] : undefined
  const pause = wish === undefined ? 0 : retryAfter(wish, headers?.['date'], maxRetryAfter)
  attempt.settle(classify(answer, custom), attempt.age(), false, pause)
}
