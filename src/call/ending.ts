import { OutriggerError, timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { CallOutcome } from '../observe/events.ts'
import type { CallResult } from '../observe/journal.ts'
import { callersTimeLimitVerdict, timeLimitVerdict } from '../verdict/time-limit.ts'
import { isGoodForCaller, VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { TryResult } from './operation.ts'
import { isA, readOf } from '../hooks/thrown.ts'

/** Returns the result of a call that ends with this try. */
export function resultOf({ attempt, ok, error }: TryResult<unknown>): CallResult {
  const { outcome, status, trail } = attempt
  if (!ok) return { outcome: outcomeOfError(error), error, trail }
  return { outcome: isGoodForCaller(outcome) ? 'success' : 'failure', status, trail }
}

/** Returns the result of a call whose caller has aborted. A `TimeoutError` means a timeout of the caller. */
export function resultOfAbort(error: unknown): CallResult {
  return isTimeout(error) ? { outcome: 'timeout', error, deadline: 'caller' } : { outcome: 'aborted', error }
}

export function outcomeOfError(error: unknown): CallOutcome {
  if (isA(error, OutriggerError)) return 'refused'
  return isTimeout(error) ? 'timeout' : 'failure'
}

function isTimeout(error: unknown): boolean {
  return readOf(() => error instanceof Error && error.name === 'TimeoutError', false)
}

/**
 * Returns the error of a call whose deadline has passed. `total` is in ms. The message names the option, which may be a
 * default.
 */
export function deadlineError(service: string, deadline: 'total' | 'caller', total: number): Error {
  const when =
    deadline === 'caller' ? "before the caller's own deadline" : `within ${total} ms (timeout.total)`
  return timeoutError(`no answer from ${service} ${when}`)
}

/**
 * Returns the verdict on the try that is under way when the deadline of its call has passed. The call began `callAge` ms
 * ago. The timer fired `late` ms after the deadline. `isCallers` is true if the caller set the deadline.
 */
export function verdictAtLimit(
  tryUnderWay: { readonly attempt: Attempt; readonly age: number; readonly sent: boolean } | undefined,
  isCallers: boolean,
  callAge: number,
  late: number,
): Verdict {
  if (!tryUnderWay) return VERDICTS.abandoned
  const { attempt, age, sent } = tryUnderWay
  const atLimit = { callAge, tryAge: age, lateBy: late, sent }
  return isCallers ? callersTimeLimitVerdict(atLimit, attempt.endpoint.latency) : timeLimitVerdict(atLimit)
}
