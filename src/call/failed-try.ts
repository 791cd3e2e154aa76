import { disown } from '../hooks/disown.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import type { NotRetried } from '../observe/events.ts'
import { quote } from '../options.ts'
import type { RetryFailure, RetryPolicy } from '../retry/policy.ts'
import { whyNotAgain } from '../verdict/again.ts'
import type { Verdict } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import type { TryResult } from './operation.ts'

/** A good answer below 400: `retry.when` is not even asked about it. */
export function isPlainSuccess<T>({ attempt: { status } }: TryResult<T>, { outcome }: Verdict): boolean {
  return outcome === 'success' && (status ?? 0) < 400
}

/** Why the user, or else the verdict, wants no further try; undefined if it is wanted. */
export function whyUnwanted<T>(
  call: Call<T>,
  result: TryResult<T>,
  { when }: RetryPolicy,
  verdict: Verdict,
): NotRetried | undefined {
  if (verdict.outcome === 'ignored' && verdict.again === 'never') return 'verdict'
  const answer = when && askWhen(when, result)
  if (answer !== undefined) return answer ? undefined : 'when'
  return whyNotAgain(verdict, result.attempt.status, call.operation.idempotent)
}

/** What is neither true nor false, such as a promise, decides nothing: taken for true, it would repeat a POST. */
function askWhen<T>(when: NonNullable<RetryPolicy['when']>, result: TryResult<T>): boolean | undefined {
  const answer: unknown = when(failureOf(result))
  if (typeof answer === 'boolean' || answer === undefined) return answer
  disown(answer)
  const message = `retry.when returned ${quote(answer)}, not true or false; the default is used instead`
  warnOnce(when, message, 'OUTRIGGER_RETRY')
  return undefined
}

function failureOf<T>({ attempt, sent }: TryResult<T>): RetryFailure {
  return {
    attempt: attempt.number,
    sent,
    ...(attempt.status !== undefined && { status: attempt.status }),
    ...(attempt.error !== undefined && { error: attempt.error }),
  }
}

export function announceRetry<T>(call: Call<T>, result: TryResult<T>, delay: number): void {
  const { events } = call.core
  if (!events.has('call:retry')) return
  const { sent: _sent, ...failure } = failureOf(result)
  events.emit('call:retry', { ...call.stamp(), instance: result.attempt.instance, delay, ...failure })
}
