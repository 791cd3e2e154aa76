import { OutriggerError, timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { CallOutcome } from '../observe/events.ts'
import type { CallResult } from '../observe/journal.ts'
import { callersLimitVerdict, limitVerdict } from '../verdict/limit.ts'
import { isGoodForCaller, VERDICTS, type Verdict } from '../verdict/verdict.ts'
import type { TryResult } from './operation.ts'
import { isA, readOf } from '../hooks/thrown.ts'

/** What the caller saw of a call that ended as this try did. */
export function resultOf({ attempt, ok, error }: TryResult<unknown>): CallResult {
  const { outcome, status, trail } = attempt
  if (!ok) return { outcome: outcomeOfError(error), error, trail }
  return { outcome: isGoodForCaller(outcome) ? 'success' : 'failure', status, trail }
}

/** The caller gave up; a `TimeoutError` says that his own limit ran out. */
export function abortedBy(error: unknown): CallResult {
  return isTimeout(error) ? { outcome: 'timeout', error, deadline: 'caller' } : { outcome: 'aborted', error }
}

export function outcomeOfError(error: unknown): CallOutcome {
  if (isA(error, OutriggerError)) return 'refused'
  return isTimeout(error) ? 'timeout' : 'failure'
}

function isTimeout(error: unknown): boolean {
  return readOf(() => error instanceof Error && error.name === 'TimeoutError', false)
}

/** What a call is rejected with whose deadline has passed; `total` is in ms. It names the option, which may be a default. */
export function deadlineError(service: string, deadline: 'total' | 'caller', total: number): Error {
  const when =
    deadline === 'caller' ? "before the caller's own deadline" : `within ${total} ms (timeout.total)`
  return timeoutError(`no answer from ${service} ${when}`)
}

/**
 * The verdict on the open try of a call whose time is up: `callAge` ms after its start, `late` ms after its limit. `isCallers`:
 * the limit is the caller's own.
 */
export function verdictAtLimit(
  tryUnderWay: { readonly attempt: Attempt; readonly age: number; readonly sent: boolean } | undefined,
  isCallers: boolean,
  callAge: number,
  late: number,
): Verdict {
  if (!tryUnderWay) return VERDICTS.abandoned
  const { attempt, age, sent } = tryUnderWay
  const spent = { call: callAge, attempt: age, late, sent }
  return isCallers ? callersLimitVerdict(spent, attempt.endpoint.latency) : limitVerdict(spent)
}
