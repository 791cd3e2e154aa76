import type { Plan, TimeoutPolicy } from '../call/plan.ts'
import { Plans } from '../doors/plans.ts'
import { breakerPolicy } from '../breaker/policy.ts'
import type { Guard } from '../fleet/guard.ts'
import { checkFunction, checkNumber, checkObject } from '../options.ts'
import { retryPolicy } from '../retry/policy.ts'
import { parseRouteKey } from '../routes/key.ts'
import type { ClientOptions, RouteRule, TimeoutOptions } from './options.ts'

const RULE = ['breaker', 'retry', 'timeout', 'classify']
const NO_TIMEOUT: TimeoutPolicy = Object.freeze({ total: Infinity, attempt: Infinity })
const DEFAULT_TIMEOUT: TimeoutPolicy = Object.freeze({ total: 30_000, attempt: Infinity })

/** Merges client options and route rules, once, into a plan per route; every bad option throws here. */
export function compilePlans(options: ClientOptions): { plans: Plans; guards: readonly Guard[] } {
  const guards: Guard[] = []
  const guard = (
    breaker: RouteRule['breaker'],
    name: string,
    route: string | undefined,
  ): Guard | undefined => {
    if (breaker === false) return undefined
    const made = Object.freeze({
      index: route === undefined ? 0 : guards.length || 1,
      policy: breakerPolicy(breaker, name),
      route,
    })
    guards[made.index] = made
    return made
  }
  const base: Plan = Object.freeze({
    route: undefined,
    guard: guard(options.breaker, 'breaker', undefined),
    timeout: timeoutPolicy(options.timeout, DEFAULT_TIMEOUT, 'timeout'),
    retry: options.retry === false ? undefined : retryPolicy(options.retry, 'retry'),
    classify: checkClassify(options.classify, 'classify'),
  })
  const rules = options.routes ?? {}
  if (typeof rules !== 'object' || Array.isArray(rules)) checkObject('routes', rules, [])
  const routed = Object.entries(rules).map(([key, rule]): Plan => {
    const name = `routes['${key}']`
    const route = parseRouteKey(key)
    checkObject(name, rule, RULE)
    return Object.freeze({
      route,
      guard: rule.breaker === undefined ? base.guard : guard(rule.breaker, `${name}.breaker`, route.key),
      timeout: timeoutPolicy(rule.timeout, base.timeout, `${name}.timeout`),
      retry:
        rule.retry === undefined
          ? base.retry
          : rule.retry === false
            ? undefined
            : retryPolicy(rule.retry, `${name}.retry`),
      classify: checkClassify(rule.classify, `${name}.classify`) ?? base.classify,
    })
  })
  return { plans: new Plans(base, routed), guards: guards.filter(Boolean) }
}

function timeoutPolicy(
  timeout: number | TimeoutOptions | false | undefined,
  base: TimeoutPolicy,
  name: string,
): TimeoutPolicy {
  if (timeout === undefined) return base
  if (timeout === false) return NO_TIMEOUT
  const options = typeof timeout === 'number' ? { total: timeout } : timeout
  checkObject(name, options, ['total', 'attempt'])
  const { total = base.total, attempt = base.attempt } = options
  const label = typeof timeout === 'number' ? name : `${name}.total`
  return Object.freeze({
    total: checkNumber(label, total, { exclusive: true }),
    attempt: checkNumber(`${name}.attempt`, attempt, { exclusive: true }),
  })
}

function checkClassify(classify: ClientOptions['classify'], name: string): ClientOptions['classify'] {
  if (classify !== undefined) checkFunction(name, classify)
  return classify
}
