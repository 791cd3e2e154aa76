import type { Attempt } from '../fleet/attempt.ts'
import { LOAD_HEADER } from '../load/report.ts'
import { MAX_RETRY_AFTER } from '../retry/policy.ts'
import { answerVerdict, asksForPause } from '../verdict/answer.ts'
import type { AttemptResult, Classify } from '../verdict/classify.ts'
import { faultVerdict, type Fault } from '../verdict/fault.ts'
import type { Verdict } from '../verdict/verdict.ts'
import { retryAfter } from '../verdict/retry-after.ts'

/** The part of a plan that decides the verdict on a response or an error, and the longest pause. */
export interface AnswerPolicy {
  readonly classify: Classify | undefined
  readonly retry: { readonly maxRetryAfter: number } | undefined
}

/**
 * Settles an attempt with the verdict on its response, and with the pause that the server asks for in `Retry-After`.
 */
export function settleAnswer(attempt: Attempt, answer: AttemptResult, policy: AnswerPolicy): void {
  const { status, headers } = answer
  attempt.status = status
  const { trail } = attempt
  const report = headers?.[LOAD_HEADER]
  if (report !== undefined) attempt.reportLoad(report)
  trail?.answered(attempt.age())
  const { classify } = policy
  const verdict =
    trail && classify
      ? trail.scope.runInAsyncScope(() => answerVerdict(answer, classify))
      : answerVerdict(answer, classify)
  const header = asksForPause(answer) ? headers?.['retry-after'] : undefined
  if (header === undefined) {
    attempt.settle(verdict, attempt.age(), 0, verdict.pause)
    return
  }
  const requestedPause = retryAfter(header, headers?.['date'], attempt.unixTime())
  const longest = policy.retry?.maxRetryAfter ?? MAX_RETRY_AFTER
  attempt.settle(verdict, attempt.age(), requestedPause, verdict.pause ?? Math.min(requestedPause, longest))
}

/**
 * Returns the verdict on an attempt that failed, without settling it: the exchange may send the request again. The user
 * function `classify` runs in the async context of its call.
 */
export function judgeFault({ trail }: Attempt, fault: Fault, { classify }: AnswerPolicy): Verdict {
  if (!trail || !classify) return faultVerdict(fault, classify)
  return trail.scope.runInAsyncScope(() => faultVerdict(fault, classify))
}
