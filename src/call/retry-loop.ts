import pRetry from 'p-retry'
import { CircuitOpenError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { disown } from '../hooks/disown.ts'
import { warnOnce } from '../hooks/warn-once.ts'
import { LimitExceededError } from '../limit/errors.ts'
import type { NotRetried } from '../observe/events.ts'
import { quote } from '../options.ts'
import { backoffDelay, type RetryFailure, type RetryPolicy } from '../retry/policy.ts'
import { maxRepeats, whyNotAgain } from '../verdict/again.ts'
import type { Verdict } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import type { Tried } from './operation.ts'
import { round } from './round.ts'

/** Thrown to make p-retry run another round. One shared object: creating an Error with a stack is slow. */
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
    // No endpoint is available for another try. Return the last answer instead of an error.
    if (!attempt) {
      if (call.journal) {
        call.journal.retriesDenied = 'breaker'
        call.journal.notRetried = whyNobody(call)
      }
      return last
    }
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
      // Only AGAIN asks for another round. Any other error comes from the user's strategy or `retry.when` and fails the call.
      onFailedAttempt: ({ error }) => (error === AGAIN ? pause() : undefined),
      shouldRetry: ({ error }) => error === AGAIN,
    })
  } catch (error) {
    // Its connection would wait for a reader.
    call.discard(last)
    throw error
  }
}

/**
 * How many tries of one call may go on without being charged. Enough to get past half of a fleet that has just died;
 * all of a large one must not be called on in turn.
 */
const MAX_FREE = 10

/** Milliseconds until the next round, which is then paid for; undefined when there is none. */
export function nextDelay<T>(call: Call<T>, tried: Tried<T>, rounds: number): number | undefined {
  const { operation, core } = call
  const { retry, guard } = operation.plan
  const { attempt } = tried
  const { verdict, retryAfter } = attempt
  if (!verdict || call.ended || isGood(tried, verdict)) return undefined
  if (!retry) return unwantedBy(call, tried, 'off')
  if (core.closed) return unwantedBy(call, tried, 'closed')
  const unwanted = operation.replayable
    ? whyUnwanted(call, tried, retry, verdict)
    : (whyNotAgain(verdict, attempt.status, operation.idempotent) ?? 'body')
  if (unwanted !== undefined) return unwantedBy(call, tried, unwanted)
  // What was not worked on is no load to anybody: not a try, and not charged (gRPC A6 calls it transparent).
  const isFree = verdict.again === 'free' && call.free < MAX_FREE
  call.exclude(attempt.endpoint)
  const hasOther = core.fleet.availability.hasOther(call, guard)
  // Where only one of its connections failed, the same instance may be asked again.
  const maySame = verdict.outcome === 'ignored' && call.freeRounds < maxRepeats(verdict)
  if (isFree && (hasOther || maySame)) {
    call.free++
    call.freeRounds++
    return 0
  }
  if (verdict.outcome === 'ignored') return forbidden(call, 'attempts')
  const tries = rounds - call.freeRounds
  if (tries >= retry.attempts) return forbidden(call, 'attempts')
  let delay = backoffDelay(retry, tries, call.random())
  // A server that asks for a pause is not asking for one on behalf of the others.
  if (retryAfter > delay && !hasOther) {
    if (retryAfter > retry.maxRetryAfter) return forbidden(call, 'retry-after')
    delay = retryAfter
  }
  if (delay >= call.remaining) return forbidden(call, 'time')
  const denial = !core.fleet.availability.isLikelyWithin(delay, guard, call.subset)
    ? 'breaker'
    : !core.budget.withdraw()
      ? 'budget'
      : undefined
  if (denial === undefined) return delay
  if (call.journal) call.journal.retriesDenied = denial
  return forbidden(call, denial === 'budget' ? denial : whyNobody(call))
}

/** No further try is wanted. An answer that is good for the caller, such as a 404, needs no reason. */
function unwantedBy<T>(call: Call<T>, { ok, attempt }: Tried<T>, why: NotRetried): undefined {
  const { outcome } = attempt
  if (!ok || (outcome !== 'success' && outcome !== 'ignored')) forbidden(call, why)
}

/** A further try is wanted, and there is none. */
function forbidden<T>(call: Call<T>, why: NotRetried | undefined): undefined {
  if (call.journal) call.journal.notRetried = why
}

/** Why there is no endpoint for another try. It costs an error: to be asked only when somebody listens. */
function whyNobody<T>(call: Call<T>): NotRetried | undefined {
  if (!call.journal) return undefined
  if (call.core.closed) return 'closed'
  const refusal = call.refusal()
  if (refusal instanceof CircuitOpenError) return 'breaker'
  return refusal instanceof LimitExceededError ? 'limit' : 'no-instance'
}

/**
 * Another attempt for a request of which nothing was sent, whatever its method and body; undefined when there is none.
 * It goes on below whoever sends it.
 */
export function onUnsent<T>(call: Call<T>, unsent: Tried<T>): Attempt | undefined {
  const { core, operation } = call
  const { retry, guard } = operation.plan
  const { verdict, endpoint } = unsent.attempt
  if (!retry || !verdict || call.ended || core.closed || call.free >= MAX_FREE) return undefined
  if (isGood(unsent, verdict) || whyUnwanted(call, unsent, retry, verdict) !== undefined) return undefined
  call.exclude(endpoint)
  const next = core.fleet.availability.hasOther(call, guard) ? call.acquire() : undefined
  if (!next) return undefined
  call.free++
  announceRetry(call, unsent, 0)
  return next
}

/** An answer that nothing asks to be repeated. */
function isGood<T>({ attempt: { status } }: Tried<T>, { outcome }: Verdict): boolean {
  return outcome === 'success' && (status ?? 0) < 400
}

/** Why the user, or else the verdict, wants no further try; undefined if it is wanted. */
function whyUnwanted<T>(
  call: Call<T>,
  tried: Tried<T>,
  { when }: RetryPolicy,
  verdict: Verdict,
): NotRetried | undefined {
  if (verdict.outcome === 'ignored' && verdict.again === 'never') return 'verdict'
  const answer = when && asked(when, tried)
  if (answer !== undefined) return answer ? undefined : 'when'
  return whyNotAgain(verdict, tried.attempt.status, call.operation.idempotent)
}

/** What is neither true nor false, such as a promise, decides nothing: taken for true, it would repeat a POST. */
function asked<T>(when: NonNullable<RetryPolicy['when']>, tried: Tried<T>): boolean | undefined {
  const answer: unknown = when(failureOf(tried))
  if (typeof answer === 'boolean' || answer === undefined) return answer
  disown(answer)
  const message = `retry.when returned ${quote(answer)}, not true or false; the default is used instead`
  warnOnce(when, message, 'OUTRIGGER_RETRY')
  return undefined
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
