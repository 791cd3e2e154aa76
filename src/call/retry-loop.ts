import pRetry from 'p-retry'
import { backoffDelay, type RetryFailure, type RetryPolicy } from '../retry/policy.ts'
import type { Call } from './call.ts'
import type { Tried } from './operation.ts'
import { round } from './round.ts'

/** What p-retry needs thrown to go round again. */
class Again extends Error {}

/**
 * Goes on from a first round until an answer is good, or nothing more may be tried. p-retry runs the loop; the
 * last answer comes out of it as it is, good or bad.
 */
export async function retryLoop<T>(call: Call<T>, first: Tried<T>): Promise<Tried<T>> {
  const { retry } = call.operation.plan
  if (!retry) return first
  let last = first
  let rounds = 1
  let delay = nextDelay(call, retry, last, rounds)
  if (delay === undefined) return first
  return pRetry(
    async (number) => {
      if (number === 1) throw new Again()
      call.exclude(last.attempt.endpoint)
      const attempt = call.acquire()
      // Nobody will take it: the answer that is there is better than a refusal.
      if (!attempt) return last
      call.discard(last)
      last = await round(call, attempt)
      delay = nextDelay(call, retry, last, ++rounds)
      if (delay === undefined) return last
      throw new Again()
    },
    {
      retries: Infinity,
      minTimeout: 0,
      onFailedAttempt: () => {
        announceRetry(call, last, delay ?? 0)
        return call.sleep(delay ?? 0)
      },
    },
  )
}

/** Milliseconds until the next try, which is then paid for; undefined when there is none. */
function nextDelay<T>(
  call: Call<T>,
  retry: RetryPolicy,
  tried: Tried<T>,
  rounds: number,
): number | undefined {
  const { operation, core } = call
  const { outcome, retryAfter } = tried.attempt
  if (call.ended || rounds >= retry.attempts || !operation.replayable) return undefined
  if (outcome === 'ignored' || (tried.ok && (tried.attempt.status ?? 200) < 400 && outcome === 'success'))
    return undefined
  const byDefault = outcome !== 'success' && operation.retryable(tried)
  if (!(retry.when?.(failureOf(tried)) ?? byDefault)) return undefined
  call.exclude(tried.attempt.endpoint)
  let delay = backoffDelay(retry, rounds, call.random())
  // A server that asks for a pause is not asking for one on behalf of the others.
  if (retryAfter > delay && !core.fleet.hasOther(call, operation.plan.guard)) delay = retryAfter
  if (delay >= call.remaining || !core.budget.withdraw()) return undefined
  return delay
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
