import type { Outcome } from '../observe/events.ts'
import { askClassify, type AttemptResult, type Classify } from './classify.ts'
import { verdictOnAnswer, type Verdict } from './verdict.ts'

/** Not implemented, or HTTP version not supported: the instance works, and the request was wrong. */
const HEALTHY_5XX = new Set([501, 505])

/** Returns the verdict on a response. */
export function answerVerdict(answer: AttemptResult, custom: Classify | undefined): Verdict {
  const judged = askClassify(custom, answer)
  if (!judged) return verdictOnAnswer(standardOutcome(answer))
  const verdict = verdictOnAnswer(judged.outcome)
  const { pause } = judged
  // A pause of 0 matters only if the server asked for one. All other results share the row of the table, without a
  // copy.
  return pause === undefined || (pause === 0 && !asksForPause(answer)) ? verdict : { ...verdict, pause }
}

/** True if Retry-After has a meaning with this status. */
export function mayAskForPause(status: number | undefined): boolean {
  return status === 429 || status === 503
}

/** True if a response says when to try again. */
export function asksForPause({ status, headers }: AttemptResult): boolean {
  return mayAskForPause(status) && headers?.['retry-after'] !== undefined
}

function standardOutcome(answer: AttemptResult): Outcome {
  const { status } = answer
  if (status === undefined) return 'success'
  if (status === 429 || asksForPause(answer)) return 'overload'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'failure' : 'success'
}
