import type { Attempt } from '../fleet/attempt.ts'
import { Admission } from './admission.ts'
import { awaitProbe } from './await-probe.ts'
import { Call } from './call.ts'
import type { Core } from './core.ts'
import type { Operation, Tried } from './operation.ts'
import { decideRetry, replaceUnsent } from './retry-decision.ts'
import { retryLoop } from './retry-loop.ts'
import { round } from './round.ts'

/** Runs an operation: one or more attempts under one deadline. A reader of the call plane starts here. */
export function execute<T>(core: Core, operation: Operation<T>): Promise<T> {
  const { door, plan, method, path } = operation
  const journal = core.observer.begin({ door, route: plan.route?.key, method, path })
  if (!journal) return new Call(core, operation, undefined).run(admit)
  return journal.trace(() => {
    try {
      return new Call(core, operation, journal).run(admit)
    } catch (error) {
      // A deadline that is no number.
      journal.end({ outcome: 'failure', error })
      throw error
    }
  })
}

function admit<T>(call: Call<T>): void {
  const { limiters, throttle } = call.operation.plan
  if (limiters.length === 0 && !throttle) firstRound(call)
  else new Admission(call).enter(() => firstRound(call))
}

function firstRound<T>(call: Call<T>): void {
  call.decideReplacement = replaceUnsent
  const attempt = call.acquire()
  call.core.budget.deposit(call.now)
  if (attempt) begin(call, attempt)
  else awaitProbe(call, (first) => begin(call, first))
}

function begin<T>(call: Call<T>, first: Attempt): void {
  round(call, first, (tried) => afterFirst(call, tried))
}

/** Most calls end here, after one try. */
function afterFirst<T>(call: Call<T>, tried: Tried<T>): void {
  try {
    const delay = decideRetry(call, tried, 1)
    if (delay === undefined) call.settle(tried)
    else goOn(call, tried, delay)
  } catch (error) {
    // A `when` of the user's own may throw.
    call.discard(tried)
    call.fail(error)
  }
}

function goOn<T>(call: Call<T>, tried: Tried<T>, delay: number): void {
  retryLoop(call, tried, delay).then(
    (last) => call.settle(last),
    (error: unknown) => call.fail(error),
  )
}
