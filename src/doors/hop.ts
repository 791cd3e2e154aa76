import { Exchange } from '../attempt/exchange.ts'
import type { Core } from '../call/call.ts'
import type { Plan } from '../call/plan.ts'
import type { AcquireRequest } from '../fleet/fleet.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'

const MAX_RETRY_AFTER = 10_000

/** Puts an attempt on the wire. */
export function exchangeFor(plan: Plan, attempt: Attempt, host: string): Exchange {
  return new Exchange({
    attempt,
    host,
    classify: plan.classify,
    maxRetryAfter: plan.retry?.maxRetryAfter ?? MAX_RETRY_AFTER,
  })
}

/** The attempt plane alone: one pick, one send, no deadline and no retry. Throws our refusal. */
export function acquireHop(core: Core, plan: Plan, options: Dispatcher.DispatchOptions): Attempt {
  const request: AcquireRequest = {
    now: 0,
    random: () => core.clock.random(),
    route: plan.route?.key,
    method: options.method,
    path: options.path,
    attempt: 1,
    excluded: () => false,
  }
  const attempt = core.fleet.acquire(request, plan.guard)
  if (!attempt) throw core.fleet.refusal(plan.guard, core.discovery.error)
  return attempt
}
