import { Exchange } from '../attempt/exchange.ts'
import type { Core } from '../call/core.ts'
import type { HeaderPolicy, Plan } from '../call/plan.ts'
import type { AcquireRequest } from '../fleet/fleet.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'

const MAX_RETRY_AFTER = 10_000

/** The longest Retry-After to believe, in ms. */
export function maxRetryAfter({ retry }: Plan): number {
  return retry?.maxRetryAfter ?? MAX_RETRY_AFTER
}

/** Puts an attempt on the wire. `remaining` is what the call has left, in ms. */
export function exchangeFor(
  { clock }: Core,
  plan: Plan,
  attempt: Attempt,
  host: string,
  remaining: number = Infinity,
  onIdle?: (error: Error) => void,
): Exchange {
  const { timeout } = plan
  return new Exchange({
    attempt,
    clock,
    host,
    headers: callHeaders(plan.headers, attempt, Math.min(remaining, timeout.attempt)),
    classify: plan.classify,
    maxRetryAfter: maxRetryAfter(plan),
    connect: timeout.connect,
    idle: timeout.idle,
    ...(onIdle && { onIdle }),
  })
}

function callHeaders(
  policy: HeaderPolicy,
  attempt: Attempt,
  remaining: number,
): Record<string, string> | undefined {
  if (policy.attempt === undefined && policy.deadline === undefined) return undefined
  return {
    ...(policy.attempt !== undefined && { [policy.attempt]: String(attempt.number) }),
    ...(policy.deadline !== undefined &&
      remaining < Infinity && { [policy.deadline]: String(Math.max(Math.floor(remaining), 0)) }),
  }
}

/** The attempt plane alone: one pick, one send, no deadline and no retry. Throws our refusal. */
export function acquireHop(core: Core, plan: Plan, options: Dispatcher.DispatchOptions): Attempt {
  const request: AcquireRequest = {
    now: 0,
    random: core.random,
    route: plan.route?.key,
    method: options.method,
    path: options.path,
    attempt: 1,
    excluded: (endpoint) => endpoint === request.avoid,
  }
  const attempt = core.fleet.acquire(request, plan.guard)
  if (!attempt) throw core.closed ?? core.fleet.refusal(plan.guard, core.discovery.error)
  return attempt
}
