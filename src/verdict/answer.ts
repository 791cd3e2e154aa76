import type { Outcome } from '../observe/events.ts'
import { askClassify, type AttemptResult, type Classify } from './classify.ts'
import { verdictOnAnswer, type Verdict } from './verdict.ts'

/** Not implemented, or not in this version: the instance works, the request was wrong. */
const HEALTHY_5XX = new Set([501, 505])

/** The verdict on an answer. */
export function answerVerdict(answer: AttemptResult, custom: Classify | undefined): Verdict {
  const judged = askClassify(custom, answer)
  if (!judged) return verdictOnAnswer(standardOutcome(answer))
  const verdict = verdictOnAnswer(judged.outcome)
  const { pause } = judged
  // No pause is what most answers have.
  return pause === undefined || (pause === 0 && !asksForPause(answer)) ? verdict : { ...verdict, pause }
}

/** Whether an answer says when to come back. */
export function asksForPause({ status, headers }: AttemptResult): boolean {
  return (status === 429 || status === 503) && headers?.['retry-after'] !== undefined
}

function standardOutcome({ status, headers }: AttemptResult): Outcome {
  if (status === undefined) return 'success'
  if (status === 429 || (status === 503 && headers?.['retry-after'] !== undefined)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
