import type { Attempt } from '../fleet/attempt.ts'
import { retryAfter } from '../retry/retry-after.ts'
import { classify, type AttemptResult, type Classify } from './classify.ts'

/** What a plan says about answers. */
export interface AnswerPolicy {
  readonly classify: Classify | undefined
  readonly retry: { readonly maxRetryAfter: number } | undefined
}

/** The longest Retry-After to believe where nothing is retried, in ms. */
const MAX_RETRY_AFTER = 10_000

/** Settles an attempt by what came back, with the pause its server may have asked for. */
export function settleAnswer(attempt: Attempt, answer: AttemptResult, policy: AnswerPolicy): void {
  const { status, headers } = answer
  attempt.status = status
  const wish = status === 429 || status === 503 ? headers?.['retry-after'] : undefined
  const longest = policy.retry?.maxRetryAfter ?? MAX_RETRY_AFTER
  const pause = wish === undefined ? 0 : retryAfter(wish, headers?.['date'], longest)
  attempt.settle(classify(answer, policy.classify), attempt.age(), false, pause)
}
