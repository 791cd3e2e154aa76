import { CircuitOpenError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { LimitExceededError } from '../limit/errors.ts'
import type { NotRetried } from '../observe/events.ts'
import { backoffDelay } from '../retry/policy.ts'
import { FREE_ATTEMPTS_PER_CALL, freeRoundsWithoutOther } from '../verdict/again.ts'
import { isGoodForCaller } from '../verdict/verdict.ts'
import type { Call } from './call.ts'
import { announceRetry, isPlainSuccess, whyNoRound, whyUnwanted } from './failed-try.ts'
import type { TryResult } from './operation.ts'

/**
 * Decides after each round whether the call makes another one. (Within a try, `replaceUnsent` decides first.) Returns the delay before it in ms, or undefined if the call
 * ends with this result. Also changes the call: it excludes the endpoint, counts a free attempt, withdraws a charged one
 * from the budget, and records in the journal why there is no retry.
 *
 * `rounds` is the number of rounds so far, free ones included.
 */
export function decideRetry<T>(call: Call<T>, result: TryResult<T>, rounds: number): number | undefined {
  const { operation, core } = call
  const { retry, guard } = operation.plan
  const { attempt } = result
  const { verdict, retryAfter } = attempt
  if (!verdict || call.ended || isPlainSuccess(result, verdict)) return undefined
  if (!retry) return noteUnwanted(call, result, 'off')
  if (core.closeError) return noteUnwanted(call, result, 'closed')
  const unwanted = whyNoRound(call, result, retry, verdict)
  if (unwanted !== undefined) return noteUnwanted(call, result, unwanted)
  // `free`: the request was no load, or a reused connection broke (gRPC A6: transparent retries).
  const isFree = verdict.again === 'free' && call.freeAttempts < FREE_ATTEMPTS_PER_CALL
  call.exclude(attempt.endpoint)
  const hasOther = core.fleet.availability.hasOtherEndpoint(call, guard)
  // An ignored failure says nothing about the instance. If there is no other one, the same may be used again.
  const mayUseSame = verdict.outcome === 'ignored' && call.freeRounds < freeRoundsWithoutOther(verdict)
  if (isFree && (hasOther || mayUseSame)) {
    call.freeAttempts++
    call.freeRounds++
    return 0
  }
  // Its verdict is `free`, because none is both ignored and charged. No free attempt is left, and the call does not pay.
  if (verdict.outcome === 'ignored') return noteNotRetried(call, 'attempts')
  const chargedRounds = rounds - call.freeRounds
  if (chargedRounds >= retry.attempts) return noteNotRetried(call, 'attempts')
  let delay = backoffDelay(retry, chargedRounds, call.random())
  // Only this instance asked for a pause. If there is another one, the call does not wait for the pause.
  if (retryAfter > delay && !hasOther) {
    if (retryAfter > retry.maxRetryAfter) return noteNotRetried(call, 'retry-after')
    delay = retryAfter
  }
  if (delay >= call.remaining) return noteNotRetried(call, 'time')
  const denial = !core.fleet.availability.isLikelyWithin(delay, guard, call.subset)
    ? 'breaker'
    : !core.budget.withdraw()
      ? 'budget'
      : undefined
  if (denial === undefined) return delay
  if (call.journal) call.journal.retriesDenied = denial
  return noteNotRetried(call, denial === 'budget' ? denial : whyNoEndpoint(call))
}

/** Records why no retry is wanted. A result that is good for the caller, such as a 404, needs no reason. */
function noteUnwanted<T>(call: Call<T>, { ok, attempt }: TryResult<T>, why: NotRetried): undefined {
  if (!ok || !isGoodForCaller(attempt.outcome)) noteNotRetried(call, why)
}

/** Records why there is no retry although one is wanted. */
function noteNotRetried<T>(call: Call<T>, why: NotRetried | undefined): undefined {
  if (call.journal) call.journal.notRetried = why
}

/** Returns why no endpoint is available for another try. Makes an error for that, so it does nothing without a journal. */
export function whyNoEndpoint<T>(call: Call<T>): NotRetried | undefined {
  if (!call.journal) return undefined
  if (call.core.closeError) return 'closed'
  const refusal = call.makeRefusal()
  if (refusal instanceof CircuitOpenError) return 'breaker'
  return refusal instanceof LimitExceededError ? 'limit' : 'no-instance'
}

/**
 * Returns another attempt for a request of which nothing was sent, with any method and body, or undefined. The same try
 * continues with it on another instance. The fetch or request that sends it does not notice.
 *
 * Never throws, because undici calls it. An error of `retry.when` or of the user's balancer ends the call.
 */
export function replaceUnsent<T>(call: Call<T>, unsent: TryResult<T>): Attempt | undefined {
  try {
    return acquireReplacement(call, unsent)
  } catch (error) {
    call.abort(error)
    return undefined
  }
}

function acquireReplacement<T>(call: Call<T>, unsent: TryResult<T>): Attempt | undefined {
  const { core, operation } = call
  const { retry, guard } = operation.plan
  const { verdict, endpoint } = unsent.attempt
  if (!retry || !verdict || call.ended || core.closeError || call.freeAttempts >= FREE_ATTEMPTS_PER_CALL)
    return undefined
  if (isPlainSuccess(unsent, verdict) || whyUnwanted(call, unsent, retry, verdict) !== undefined)
    return undefined
  call.exclude(endpoint)
  const next = core.fleet.availability.hasOtherEndpoint(call, guard) ? call.acquire() : undefined
  if (!next) return undefined
  call.freeAttempts++
  announceRetry(call, unsent, 0)
  return next
}
