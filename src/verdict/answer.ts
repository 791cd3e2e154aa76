import type { Outcome } from '../observe/events.ts'
import { asked, type AttemptResult, type Classify } from './classify.ts'
import { answered, type Verdict } from './verdict.ts'

/** Not implemented, or not in this version: the instance works, the request was wrong. */
const HEALTHY_5XX = new Set([501, 505])

/** The verdict on an answer. */
export function answerVerdict(answer: AttemptResult, custom: Classify | undefined): Verdict {
  return answered(asked(custom, answer) ?? outcomeOf(answer))
}

function outcomeOf({ status, headers }: AttemptResult): Outcome {
  if (status === undefined) return 'success'
  if (status === 429 || (status === 503 && headers?.['retry-after'] !== undefined)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
