import { disown } from '../hooks/disown.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import type { NotRetried } from '../observe/events.ts'
import { quote } from '../options.ts'
import type { RetryFailure, RetryPolicy } from '../retry/policy.ts'
import { whyNotAgain } from '../verdict/again.ts'
import type { Verdict } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import type { TryResult } from './operation.ts'

/** True if a try succeeded with a status below 400. `retry.when` is not called for it. */
export function isPlainSuccess<T>({ attempt: { status } }: TryResult<T>, { outcome }: Verdict): boolean {
  return outcome === 'success' && (status ?? 0) < 400
}

/** Returns why the call should not make another round, or undefined if it should. */
export function whyNoRound<T>(
  call: Call<T>,
  result: TryResult<T>,
  retry: RetryPolicy,
  verdict: Verdict,
): NotRetried | undefined {
  const { replayable, idempotent } = call.operation
  if (replayable) return whyUnwanted(call, result, retry, verdict)
  // `retry.when` is not called, because no answer of it could make another round possible.
  return whyNotAgain(verdict, result.attempt.status, idempotent) ?? 'body'
}

/**
 * Returns why there should be no further try, or undefined if there should be one. `retry.when` decides, or else the
 * verdict. The body must be available: nothing of it was sent, or it is replayable.
 */
export function whyUnwanted<T>(
  call: Call<T>,
  result: TryResult<T>,
  { when }: RetryPolicy,
  verdict: Verdict,
): NotRetried | undefined {
  // For example, a mistake in the request. `retry.when` cannot overrule this, unlike the `never` of a 404.
  if (verdict.outcome === 'ignored' && verdict.again === 'never') return 'verdict'
  const answer = when && askWhen(when, result)
  if (answer !== undefined) return answer ? undefined : 'when'
  return whyNotAgain(verdict, result.attempt.status, call.operation.idempotent)
}

/**
 * Calls `retry.when`. Ignores a result that is no boolean, with a warning: as a truthy value, a promise would repeat
 * each POST.
 */
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
