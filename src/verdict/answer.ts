import type { Outcome } from '../observe/events.ts'
import { askClassify, type AttemptResult, type Classify } from './classify.ts'
import { VERDICTS, type Ending, type Verdict } from './verdict.ts'

/** Not implemented, or HTTP version not supported: the instance works, and the request was wrong. */
const HEALTHY_5XX = new Set([501, 505])

/** Returns the verdict on a response. If the user function `classify` returns an outcome, it replaces the default. */
export function answerVerdict(answer: AttemptResult, custom: Classify | undefined): Verdict {
  const judged = askClassify(custom, answer)
  if (!judged) return VERDICTS[endingOfAnswer(answer)]
  const verdict = classifiedVerdict(judged.outcome)
  const { pause } = judged
  // A pause of 0 matters only if the server asked for one. All other results share the row of the table, without a
  // copy.
  return pause === undefined || (pause === 0 && !asksForPause(answer)) ? verdict : { ...verdict, pause }
}

/** Returns how an attempt with this response ended, if `classify` does not decide it. */
export function endingOfAnswer(answer: AttemptResult): Ending {
  const { status } = answer
  // The value of an `execute` function that is no HTTP response.
  if (status === undefined) return 'good'
  if (status === 429 || asksForPause(answer)) return 'busy'
  return status >= 500 && !HEALTHY_5XX.has(status) ? 'bad' : 'good'
}

const ENDING_BY_OUTCOME: Readonly<Record<Outcome, Ending>> = {
  success: 'good',
  failure: 'bad',
  overload: 'busy',
  ignored: 'dismissed',
}

/** Returns the verdict on a response for which `classify` returned this outcome, whatever its status. */
export function classifiedVerdict(outcome: Outcome): Verdict {
  return VERDICTS[ENDING_BY_OUTCOME[outcome]]
}

/** True if Retry-After has a meaning with this status. */
export function mayAskForPause(status: number | undefined): boolean {
  return status === 429 || status === 503
}

/** True if a response says when to try again. */
export function asksForPause({ status, headers }: AttemptResult): boolean {
  return mayAskForPause(status) && headers?.['retry-after'] !== undefined
}
