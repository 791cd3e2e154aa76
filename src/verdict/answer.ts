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
  // A pause of 0 says something only where the server asked for one. All others share the row of the table, without a copy.
  return pause === undefined || (pause === 0 && !asksForPause(answer)) ? verdict : { ...verdict, pause }
}

/** Whether a Retry-After means anything with this status. */
export function mayAskForPause(status: number | undefined): boolean {
  return status === 429 || status === 503
}

/** Whether an answer says when to come back. */
export function asksForPause({ status, headers }: AttemptResult): boolean {
  return mayAskForPause(status) && headers?.['retry-after'] !== undefined
}

function standardOutcome(answer: AttemptResult): Outcome {
  const { status } = answer
  if (status === undefined) return 'success'
  if (status === 429 || asksForPause(answer)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
