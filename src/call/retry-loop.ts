import pRetry from 'p-retry'
import { disown } from '../hooks/disown.ts'
import { warnOnce } from '../observe/warn-once.ts'
import { quote } from '../options.ts'
import { backoffDelay, type RetryFailure, type RetryPolicy } from '../retry/policy.ts'
import type { Call } from './call.ts'
import type { Tried } from './operation.ts'
import { round } from './round.ts'

/** What p-retry needs thrown to go round again: always the same, for a stack is dear and nobody sees it. */
const AGAIN = new Error('again')

/**
 * Goes on after a first round, `delay` ms from now, until an answer is good or nothing more may be tried. p-retry
 * runs the loop; the last answer comes out of it as it is, good or bad.
 */
export async function retryLoop<T>(call: Call<T>, first: Tried<T>, delay: number): Promise<Tried<T>> {
  let last = first
  let wait = delay
  const pause = (): Promise<void> | undefined => {
    announceRetry(call, last, wait)
    return wait > 0 ? call.sleep(wait) : undefined
  }
  const again = async (retries: number): Promise<Tried<T>> => {
    const attempt = call.acquire()
    // Nobody will take it: the answer that is there is better than a refusal.
    if (!attempt) return last
    call.discard(last)
    last = await new Promise((resolve) => round(call, attempt, resolve))
    const next = nextDelay(call, last, retries + 1)
    if (next === undefined) return last
    wait = next
    throw AGAIN
  }
  try {
    await pause()
    return await pRetry(again, {
      retries: Infinity,
      minTimeout: 0,
      // Anything else was thrown by the user's own strategy or predicate, and ends the call.
      onFailedAttempt: ({ error }) => (error === AGAIN ? pause() : undefined),
      shouldRetry: ({ error }) => error === AGAIN,
    })
  } catch (error) {
    // Its connection would wait for a reader.
    call.discard(last)
    throw error
  }
}

/** Enough to get past half of a fleet that has just died; all of a large one must not be called on in turn. */
const MAX_UNSENT = 10

/** Milliseconds until the next round, which is then paid for; undefined when there is none. */
export function nextDelay<T>(call: Call<T>, tried: Tried<T>, rounds: number): number | undefined {
  const { operation, core } = call
  const { retry, guard } = operation.plan
  const { outcome, status, retryAfter } = tried.attempt
  if (!retry || outcome === 'ignored' || (outcome === 'success' && (status ?? 0) < 400)) return undefined
  if (call.ended || core.closed || !operation.replayable) return undefined
  const byDefault = outcome !== 'success' && operation.retryable(tried)
  if (!(retry.when ? asked(retry.when, tried, byDefault) : byDefault)) return undefined
  call.exclude(tried.attempt.endpoint)
  // What never left is no load to anybody: not a try, and not charged (gRPC A6 calls it transparent).
  if (!tried.ok && !tried.sent && call.unsent < MAX_UNSENT && core.fleet.hasOther(call, guard)) {
    call.unsent++
    return 0
  }
  const tries = rounds - call.unsent
  if (tries >= retry.attempts) return undefined
  let delay = backoffDelay(retry, tries, call.random())
  // A server that asks for a pause is not asking for one on behalf of the others.
  if (retryAfter > delay && !core.fleet.hasOther(call, guard)) delay = retryAfter
  if (delay >= call.remaining || !core.fleet.mayAdmit(guard, delay) || !core.budget.withdraw())
    return undefined
  return delay
}

/** What is neither true nor false, such as a promise, decides nothing: taken for true, it would repeat a POST. */
function asked<T>(when: NonNullable<RetryPolicy['when']>, tried: Tried<T>, byDefault: boolean): boolean {
  const verdict: unknown = when(failureOf(tried))
  if (typeof verdict === 'boolean') return verdict
  if (verdict !== undefined) {
    disown(verdict)
    const message = `retry.when returned ${quote(verdict)}, not true or false; the default is used instead`
    warnOnce(when, message, 'OUTRIGGER_RETRY')
  }
  return byDefault
}

function failureOf<T>({ attempt, sent }: Tried<T>): RetryFailure {
  return {
    attempt: attempt.number,
    sent,
    ...(attempt.status !== undefined && { status: attempt.status }),
    ...(attempt.error !== undefined && { error: attempt.error }),
  }
}

function announceRetry<T>(call: Call<T>, tried: Tried<T>, delay: number): void {
  const { events } = call.core
  if (!events.has('call:retry')) return
  const { sent: _sent, ...failure } = failureOf(tried)
  events.emit('call:retry', { ...call.stamp(), instance: tried.attempt.instance, delay, ...failure })
}
