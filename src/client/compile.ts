import type { Plan } from '../call/plan.ts'
import { Plans } from '../doors/plan/plans.ts'
import { breakerPolicy } from '../breaker/policy.ts'
import type { Guard } from '../fleet/guard.ts'
import { systemClock } from '../clock.ts'
import { Kept } from '../fallback/kept.ts'
import { Limiter } from '../limit/limiter.ts'
import { checkPriority } from '../limit/priority.ts'
import { Throttle } from '../limit/throttle.ts'
import { checkBoolean, checkObject, checkRecord } from '../options.ts'
import { Hedge, type HedgeOptions } from '../retry/hedge.ts'
import { retryPolicy } from '../retry/policy.ts'
import { headerSource } from '../headers/own-headers.ts'
import { Mirror } from '../mirror/mirror.ts'
import { Traffic } from '../traffic/traffic.ts'
import { parseRouteKey } from '../routes/key.ts'
import { compileContract, CONTRACT_RULE, contractPolicy, NO_POLICY } from '../typed/compile.ts'
import { PlanParts } from './plan-parts.ts'
import { requireTransportOptions } from './pool-settings.ts'
import {
  checkClassify,
  clientLimit,
  DEFAULT_TIMEOUT,
  fallbackPolicy,
  headerPolicy,
  isOff,
  NO_FALLBACK,
  timeoutPolicy,
} from './plan-policies.ts'
import type { ClientOptions } from './options.ts'
import type { RouteLimit, RouteRule } from './route-rule.ts'

const RULE_OPTIONS = [
  'limit',
  'throttle',
  'priority',
  'fallback',
  'stale',
  'coalesce',
  'breaker',
  'retry',
  'timeout',
  'hedge',
  'idempotent',
  'waitForReady',
  'classify',
  'headers',
  'traffic',
  'mirror',
  ...CONTRACT_RULE,
]
export interface CompiledPlans {
  readonly plans: Plans
  readonly guards: readonly Guard[]
  readonly kept: Kept | undefined
  readonly parts: PlanParts
  /** The index of the guard of each route key, for all guards that have ever existed. */
  readonly indexes: ReadonlyMap<string, number>
}

/**
 * Merges the client's options and the route rules into one plan per route. Throws if an option is invalid. An update
 * of the options passes the plans `before` it, from which unchanged parts are kept.
 */
export function compilePlans(options: ClientOptions, before?: CompiledPlans): CompiledPlans {
  const { clock = systemClock } = options
  const guards: Guard[] = []
  const parts = new PlanParts(before?.parts)
  const indexes = new Map(before?.indexes)
  const indexOf = (route: string): number => {
    // 0 is the index of the instance's own breaker.
    const index = indexes.get(route) ?? indexes.size + 1
    indexes.set(route, index)
    return index
  }
  const guardOf = (
    breaker: RouteRule['breaker'],
    name: string,
    route: string | undefined,
  ): Guard | undefined => {
    if (breaker === false) return undefined
    const guard = Object.freeze({
      index: route === undefined ? 0 : indexOf(route),
      policy: breakerPolicy(breaker, name),
      route,
    })
    guards[guard.index] = guard
    return guard
  }
  // Each route learns its latencies separately, even if it uses the client's option.
  const hedgeOf = (
    hedgeOptions: HedgeOptions | false | undefined,
    name: string,
    part: string = name,
  ): Hedge | undefined =>
    isOff(hedgeOptions)
      ? undefined
      : parts.reuseOrMake(part, hedgeOptions, () => new Hedge(hedgeOptions, clock, name))
  const limiterOf = (limit: RouteLimit, name: string): Limiter =>
    parts.reuseOrMake(
      name,
      limit,
      () => new Limiter(typeof limit === 'object' && limit !== null ? limit : { max: limit }, clock, name),
    )
  // A call passes the client's limit first, then the route's. `false` exempts the route from both.
  const limitersOf = (limit: RouteRule['limit'], name: string): readonly Limiter[] =>
    limit === undefined ? base.limiters : limit === false ? [] : [...base.limiters, limiterOf(limit, name)]
  const throttleOf = (throttle: RouteRule['throttle'], name: string): Throttle | undefined =>
    isOff(throttle) ? undefined : parts.reuseOrMake(name, throttle, () => new Throttle(throttle, clock, name))
  const trafficOf = (traffic: RouteRule['traffic'], name: string): Traffic | undefined =>
    isOff(traffic) ? undefined : parts.reuseOrMake(name, traffic, () => new Traffic(traffic, name))
  const mirrorOf = (mirror: RouteRule['mirror'], name: string): Mirror | undefined =>
    isOff(mirror) ? undefined : parts.reuseOrMake(name, mirror, () => new Mirror(mirror, name))
  if (options.waitForReady !== undefined) checkBoolean('waitForReady', options.waitForReady)
  const ownLimit = clientLimit(options.limit)
  const base: Plan = Object.freeze({
    route: undefined,
    guard: guardOf(options.breaker, 'breaker', undefined),
    traffic: trafficOf(options.traffic, 'traffic'),
    mirror: mirrorOf(options.mirror, 'mirror'),
    timeout: timeoutPolicy(options.timeout, DEFAULT_TIMEOUT, 'timeout'),
    retry: options.retry === false ? undefined : retryPolicy(options.retry, 'retry'),
    hedge: hedgeOf(options.hedge, 'hedge'),
    idempotent: undefined,
    waitForReady: options.waitForReady ?? false,
    limiters: ownLimit === undefined ? [] : [limiterOf(ownLimit, 'limit')],
    throttle: throttleOf(options.throttle, 'throttle'),
    priority: 'default',
    headers: headerPolicy(options),
    fallback: fallbackPolicy(options, NO_FALLBACK, clock, '', parts),
    classify: checkClassify(options.classify, 'classify'),
    contract: undefined,
  })
  const strictness = contractPolicy(options, NO_POLICY, '')
  const { routes: rules = {} } = options
  checkRecord('routes', rules)
  const routed = Object.entries(rules).map(([key, rule]): Plan => {
    const name = `routes['${key}']`
    const route = parseRouteKey(key)
    checkObject(name, rule, RULE_OPTIONS)
    if (rule.idempotent !== undefined) checkBoolean(`${name}.idempotent`, rule.idempotent)
    if (rule.waitForReady !== undefined) checkBoolean(`${name}.waitForReady`, rule.waitForReady)
    return Object.freeze({
      route,
      guard: rule.breaker === undefined ? base.guard : guardOf(rule.breaker, `${name}.breaker`, route.key),
      traffic: rule.traffic === undefined ? base.traffic : trafficOf(rule.traffic, `${name}.traffic`),
      mirror: rule.mirror === undefined ? base.mirror : mirrorOf(rule.mirror, `${name}.mirror`),
      timeout: timeoutPolicy(rule.timeout, base.timeout, `${name}.timeout`),
      retry:
        rule.retry === undefined
          ? base.retry
          : rule.retry === false
            ? undefined
            : retryPolicy(rule.retry, `${name}.retry`),
      hedge:
        rule.hedge === undefined
          ? hedgeOf(options.hedge, 'hedge', `${name}.hedge`)
          : hedgeOf(rule.hedge, `${name}.hedge`),
      idempotent: rule.idempotent,
      waitForReady: rule.waitForReady ?? base.waitForReady,
      limiters: limitersOf(rule.limit, `${name}.limit`),
      throttle: rule.throttle === undefined ? base.throttle : throttleOf(rule.throttle, `${name}.throttle`),
      priority:
        rule.priority === undefined ? base.priority : checkPriority(`${name}.priority`, rule.priority),
      headers: { ...base.headers, own: headerSource(rule.headers, base.headers.own, `${name}.headers`) },
      fallback: fallbackPolicy(rule, base.fallback, clock, `${name}.`, parts),
      classify: checkClassify(rule.classify, `${name}.classify`) ?? base.classify,
      contract: compileContract(route.key, rule, contractPolicy(rule, strictness, `${name}.`), `${name}.`),
    })
  })
  for (const plan of [base, ...routed]) checkSharing(plan)
  const plans = new Plans(base, routed)
  if (plans.mirrors) requireTransportOptions('mirror', options.transport)
  return {
    plans,
    guards: guards.filter(Boolean),
    kept: keptBy([base, ...routed]),
    parts,
    indexes,
  }
}

/**
 * Throws if responses are stored or shared while a user function adds headers. Their key does not contain these
 * headers, so a response could be for another caller.
 */
function checkSharing({ headers, fallback: { stale, coalescer }, route }: Plan): void {
  if (!headers.own || headers.own.functions.length === 0) return
  const option = coalescer ? 'coalesce' : stale ? 'stale' : undefined
  if (option === undefined) return
  const where = route ? ` of '${route.key}'` : ''
  throw new TypeError(
    `${option}${where} cannot be used with a function as headers: an answer could be for another caller; give the headers with the call`,
  )
}

/** Returns undefined if no plan stores or shares responses. */
function keptBy(plans: readonly Plan[]): Kept | undefined {
  const holders = plans.flatMap(({ fallback: { stale, coalescer } }) => [stale, coalescer])
  const distinct = new Set(holders.filter((holder) => holder !== undefined))
  return distinct.size > 0 ? new Kept([...distinct]) : undefined
}
