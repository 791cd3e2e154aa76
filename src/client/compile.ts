import type { HeaderPolicy, Plan, TimeoutPolicy } from '../call/plan.ts'
import { Plans } from '../doors/plans.ts'
import { breakerPolicy } from '../breaker/policy.ts'
import type { Guard } from '../fleet/guard.ts'
import { systemClock } from '../clock.ts'
import { checkBoolean, checkFunction, checkHeaderName, checkNumber, checkObject } from '../options.ts'
import { Hedge, type HedgeOptions } from '../retry/hedge.ts'
import { retryPolicy } from '../retry/policy.ts'
import { parseRouteKey } from '../routes/key.ts'
import type { ClientOptions, RouteRule, TimeoutOptions } from './options.ts'

const RULE = ['breaker', 'retry', 'timeout', 'hedge', 'idempotent', 'classify']
const NO_TIMEOUT: TimeoutPolicy = Object.freeze({
  total: Infinity,
  attempt: Infinity,
  connect: Infinity,
  idle: Infinity,
})
const DEFAULT_TIMEOUT: TimeoutPolicy = Object.freeze({ ...NO_TIMEOUT, total: 30_000, connect: 5_000 })

/** Merges client options and route rules, once, into a plan per route; every bad option throws here. */
export function compilePlans(options: ClientOptions): { plans: Plans; guards: readonly Guard[] } {
  const { clock = systemClock } = options
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
  // Each route learns its own latencies, also under the client's options.
  const hedge = (hedgeOptions: HedgeOptions | false | undefined, name: string): Hedge | undefined =>
    hedgeOptions ? new Hedge(hedgeOptions, clock, name) : undefined
  const base: Plan = Object.freeze({
    route: undefined,
    guard: guard(options.breaker, 'breaker', undefined),
    timeout: timeoutPolicy(options.timeout, DEFAULT_TIMEOUT, 'timeout'),
    retry: options.retry === false ? undefined : retryPolicy(options.retry, 'retry'),
    hedge: hedge(options.hedge, 'hedge'),
    idempotent: undefined,
    headers: headerPolicy(options),
    classify: checkClassify(options.classify, 'classify'),
  })
  const rules = options.routes ?? {}
  if (typeof rules !== 'object' || Array.isArray(rules)) checkObject('routes', rules, [])
  const routed = Object.entries(rules).map(([key, rule]): Plan => {
    const name = `routes['${key}']`
    const route = parseRouteKey(key)
    checkObject(name, rule, RULE)
    if (rule.idempotent !== undefined) checkBoolean(`${name}.idempotent`, rule.idempotent)
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
      hedge: rule.hedge === undefined ? hedge(options.hedge, 'hedge') : hedge(rule.hedge, `${name}.hedge`),
      idempotent: rule.idempotent,
      headers: base.headers,
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
  checkObject(name, options, ['total', 'attempt', 'connect', 'idle'])
  const { total = base.total, attempt = base.attempt, connect = base.connect, idle = base.idle } = options
  return Object.freeze({
    total: checkNumber(typeof timeout === 'number' ? name : `${name}.total`, total, { exclusive: true }),
    attempt: checkNumber(`${name}.attempt`, attempt, { exclusive: true }),
    connect: checkNumber(`${name}.connect`, connect, { exclusive: true }),
    idle: checkNumber(`${name}.idle`, idle, { exclusive: true }),
  })
}

function headerPolicy({ attemptHeader, deadline }: ClientOptions): HeaderPolicy {
  if (deadline !== undefined) checkObject('deadline', deadline, ['header'])
  return Object.freeze({
    attempt: attemptHeader === undefined ? undefined : checkHeaderName('attemptHeader', attemptHeader),
    deadline: deadline === undefined ? undefined : checkHeaderName('deadline.header', deadline.header),
  })
}

function checkClassify(classify: ClientOptions['classify'], name: string): ClientOptions['classify'] {
  if (classify !== undefined) checkFunction(name, classify)
  return classify
}
