import type { Attempt } from '../fleet/attempt.ts'
import { Admission } from './admission.ts'
import { awaitProbe } from './await-probe.ts'
import { Call } from './call.ts'
import type { Core } from './core.ts'
import type { Operation, TryResult } from './operation.ts'
import { decideRetry, replaceUnsent } from './retry-decision.ts'
import { retryLoop } from './retry-loop.ts'
import { runRound } from './round.ts'

/**
 * Runs an operation: one or more attempts under one deadline. Start reading here: `admit` passes the limits,
 * `startFirstRound` acquires the first attempt, `endOrRetry` ends the call or starts the retry loop.
 */
export function execute<T>(core: Core, operation: Operation<T>): Promise<T> {
  const { door, plan, method, path } = operation
  const journal = core.observer.begin({ door, route: plan.route?.key, method, path })
  if (!journal) return new Call(core, operation, undefined).run(admit)
  return journal.trace(() => {
    try {
      return new Call(core, operation, journal).run(admit)
    } catch (error) {
      // The deadline was not a number.
      journal.end({ outcome: 'failure', error })
      throw error
    }
  })
}

function admit<T>(call: Call<T>): void {
  const { limiters, throttle } = call.operation.plan
  if (limiters.length === 0 && !throttle) startFirstRound(call)
  else new Admission(call).enter(() => startFirstRound(call))
}

function startFirstRound<T>(call: Call<T>): void {
  call.decideReplacement = replaceUnsent
  const attempt = call.acquire()
  call.core.budget.deposit(call.now)
  if (attempt) runFirstRound(call, attempt)
  else awaitProbe(call, (first) => runFirstRound(call, first))
}

function runFirstRound<T>(call: Call<T>, first: Attempt): void {
  runRound(call, first, (result) => endOrRetry(call, result))
}

/** Decides what follows the first round. Most calls end here. */
function endOrRetry<T>(call: Call<T>, result: TryResult<T>): void {
  try {
    const delay = decideRetry(call, result, 1)
    if (delay === undefined) call.endAs(result)
    else retry(call, result, delay)
  } catch (error) {
    // The user function `retry.when` may throw.
    call.discard(result)
    call.fail(error)
  }
}

function retry<T>(call: Call<T>, result: TryResult<T>, delay: number): void {
  retryLoop(call, result, delay).then(
    (last) => call.endAs(last),
    (error: unknown) => call.fail(error),
  )
}
