import type { FallbackPolicy, HeaderPolicy, Plan, TimeoutPolicy } from '../call/plan.ts'
import { Plans } from '../doors/plan/plans.ts'
import { breakerPolicy } from '../breaker/policy.ts'
import type { Guard } from '../fleet/guard.ts'
import { systemClock, type Clock } from '../clock.ts'
import { Coalescer, type CoalesceOptions } from '../fallback/coalesce.ts'
import { Kept } from '../fallback/kept.ts'
import { StaleCache } from '../fallback/stale.ts'
import { Limiter } from '../limit/limiter.ts'
import { checkPriority } from '../limit/priority.ts'
import { Throttle } from '../limit/throttle.ts'
import {
  checkBoolean,
  checkFunction,
  checkHeaderName,
  checkNumber,
  checkObject,
  checkRecord,
  quote,
} from '../options.ts'
import { Hedge, type HedgeOptions } from '../retry/hedge.ts'
import { retryPolicy } from '../retry/policy.ts'
import { headerSource } from '../headers/own-headers.ts'
import { Mirror } from '../mirror/mirror.ts'
import { Traffic } from '../traffic/traffic.ts'
import { parseRouteKey } from '../routes/key.ts'
import { compileContract, CONTRACT_RULE, contractPolicy, NO_POLICY } from '../typed/compile.ts'
import { PlanParts } from './plan-parts.ts'
import { ownPools } from './pool-settings.ts'
import type { ClientOptions, RouteLimit, RouteRule, TimeoutOptions } from './options.ts'

const RULE = [
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
const NO_TIMEOUT: TimeoutPolicy = Object.freeze({
  total: Infinity,
  attempt: Infinity,
  connect: Infinity,
  idle: Infinity,
})
const DEFAULT_TIMEOUT: TimeoutPolicy = Object.freeze({ ...NO_TIMEOUT, total: 30_000, connect: 10_000 })

export interface CompiledPlans {
  readonly plans: Plans
  readonly guards: readonly Guard[]
  readonly kept: Kept | undefined
  readonly parts: PlanParts
  /** Route key → index of its guard, of all guards there have ever been. */
  readonly indexes: ReadonlyMap<string, number>
}

/**
 * Merges client options and route rules into a plan per route; every bad option throws here. `before`: what an update of the
 * options keeps from.
 */
export function compilePlans(options: ClientOptions, before?: CompiledPlans): CompiledPlans {
  const { clock = systemClock } = options
  const guards: Guard[] = []
  const parts = new PlanParts(before?.parts)
  const indexes = new Map(before?.indexes)
  const indexOf = (route: string): number => {
    // 0 is the instance's own.
    const index = indexes.get(route) ?? indexes.size + 1
    indexes.set(route, index)
    return index
  }
  const guard = (
    breaker: RouteRule['breaker'],
    name: string,
    route: string | undefined,
  ): Guard | undefined => {
    if (breaker === false) return undefined
    const made = Object.freeze({
      index: route === undefined ? 0 : indexOf(route),
      policy: breakerPolicy(breaker, name),
      route,
    })
    guards[made.index] = made
    return made
  }
  // Each route learns its own latencies, also under the client's options.
  const hedge = (
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
  // A route's own limit stands behind the client's; false exempts it from both.
  const limitersOf = (limit: RouteRule['limit'], name: string): readonly Limiter[] =>
    limit === undefined ? base.limiters : limit === false ? [] : [...base.limiters, limiterOf(limit, name)]
  const throttleOf = (throttle: RouteRule['throttle'], name: string): Throttle | undefined =>
    isOff(throttle) ? undefined : parts.reuseOrMake(name, throttle, () => new Throttle(throttle, clock, name))
  const trafficOf = (traffic: RouteRule['traffic'], name: string): Traffic | undefined =>
    isOff(traffic) ? undefined : parts.reuseOrMake(name, traffic, () => new Traffic(traffic, name))
  const mirrorOf = (mirror: RouteRule['mirror'], name: string): Mirror | undefined =>
    isOff(mirror) ? undefined : parts.reuseOrMake(name, mirror, () => new Mirror(mirror, name))
  if (options.waitForReady !== undefined) checkBoolean('waitForReady', options.waitForReady)
  const ownLimit = limitOf(options.limit)
  const base: Plan = Object.freeze({
    route: undefined,
    guard: guard(options.breaker, 'breaker', undefined),
    traffic: trafficOf(options.traffic, 'traffic'),
    mirror: mirrorOf(options.mirror, 'mirror'),
    timeout: timeoutPolicy(options.timeout, DEFAULT_TIMEOUT, 'timeout'),
    retry: options.retry === false ? undefined : retryPolicy(options.retry, 'retry'),
    hedge: hedge(options.hedge, 'hedge'),
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
    checkObject(name, rule, RULE)
    if (rule.idempotent !== undefined) checkBoolean(`${name}.idempotent`, rule.idempotent)
    if (rule.waitForReady !== undefined) checkBoolean(`${name}.waitForReady`, rule.waitForReady)
    return Object.freeze({
      route,
      guard: rule.breaker === undefined ? base.guard : guard(rule.breaker, `${name}.breaker`, route.key),
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
          ? hedge(options.hedge, 'hedge', `${name}.hedge`)
          : hedge(rule.hedge, `${name}.hedge`),
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
  if (plans.mirrors) ownPools('mirror', options.transport)
  return {
    plans,
    guards: guards.filter(Boolean),
    kept: keptBy([base, ...routed]),
    parts,
    indexes,
  }
}

function timeoutPolicy(
  timeout: number | TimeoutOptions | false | undefined,
  base: TimeoutPolicy,
  name: string,
): TimeoutPolicy {
  if (timeout === undefined) return base
  if (timeout === false) return NO_TIMEOUT
  const options = typeof timeout === 'number' ? { total: timeout } : timeout
  checkObject(name, options, ['total', 'attempt', 'connect', 'idle'], 'a number of ms, an object or false')
  const { total = base.total, attempt = base.attempt, connect = base.connect, idle = base.idle } = options
  return Object.freeze({
    total: checkNumber(typeof timeout === 'number' ? name : `${name}.total`, total, { exclusive: true }),
    attempt: checkNumber(`${name}.attempt`, attempt, { exclusive: true }),
    connect: checkNumber(`${name}.connect`, connect, { exclusive: true }),
    idle: checkNumber(`${name}.idle`, idle, { exclusive: true }),
  })
}

/** Nothing else that is falsy means off: `hedge: 0` is a mistake, and the checks of what it is for say so. */
function isOff(option: unknown): option is false | undefined {
  return option === undefined || option === false
}

function headerPolicy({ attemptHeader, deadline, headers }: ClientOptions): HeaderPolicy {
  if (deadline !== undefined) checkObject('deadline', deadline, ['header'])
  const policy = Object.freeze({
    attempt: attemptHeader === undefined ? undefined : checkHeaderName('attemptHeader', attemptHeader),
    deadline: deadline === undefined ? undefined : checkHeaderName('deadline.header', deadline.header),
    own: headerSource(headers, undefined, 'headers'),
  })
  if (policy.attempt !== undefined && policy.attempt === policy.deadline) {
    throw new TypeError(`attemptHeader and deadline.header must differ, got ${quote(attemptHeader)} for both`)
  }
  return policy
}

/** `perInstance` limits instances, not the client; what stands beside it does. */
function limitOf(limit: ClientOptions['limit']): RouteLimit | undefined {
  if (limit === false) return undefined
  if (typeof limit !== 'object' || limit === null || limit.perInstance === undefined) return limit
  const { perInstance: _perInstance, ...own } = limit
  return Object.keys(own).length > 0 ? own : undefined
}

const NO_FALLBACK: FallbackPolicy = Object.freeze({
  answer: undefined,
  stale: undefined,
  coalescer: undefined,
})

function fallbackPolicy(
  { fallback, stale, coalesce }: Pick<RouteRule, 'fallback' | 'stale' | 'coalesce'>,
  base: FallbackPolicy,
  clock: Clock,
  prefix: string,
  parts: PlanParts,
): FallbackPolicy {
  if (fallback !== undefined && fallback !== false) checkFunction(`${prefix}fallback`, fallback)
  return Object.freeze({
    answer: fallback === undefined ? base.answer : fallback || undefined,
    stale:
      stale === undefined
        ? base.stale
        : isOff(stale)
          ? undefined
          : parts.reuseOrMake(`${prefix}stale`, stale, () => new StaleCache(stale, clock, `${prefix}stale`)),
    coalescer:
      coalesce === undefined
        ? base.coalescer
        : parts.reuseOrMake(`${prefix}coalesce`, coalesce, () => coalescerOf(coalesce, `${prefix}coalesce`)),
  })
}

function coalescerOf(coalesce: boolean | CoalesceOptions, name: string): Coalescer | undefined {
  if (typeof coalesce === 'boolean') return coalesce ? new Coalescer() : undefined
  checkRecord(name, coalesce, 'true, false or an object')
  return new Coalescer(coalesce, name)
}

/** What a function of the user's adds is not in the key of an answer that is kept or shared: it could be for another caller. */
function checkSharing({ headers, fallback: { stale, coalescer }, route }: Plan): void {
  if (!headers.own || headers.own.functions.length === 0) return
  const option = coalescer ? 'coalesce' : stale ? 'stale' : undefined
  if (option === undefined) return
  const where = route ? ` of '${route.key}'` : ''
  throw new TypeError(
    `${option}${where} cannot be used with a function as headers: an answer could be for another caller; give the headers with the call`,
  )
}

/** Undefined when no plan gives an answer twice. */
function keptBy(plans: readonly Plan[]): Kept | undefined {
  const holders = plans.flatMap(({ fallback: { stale, coalescer } }) => [stale, coalescer])
  const distinct = new Set(holders.filter((holder) => holder !== undefined))
  return distinct.size > 0 ? new Kept([...distinct]) : undefined
}

function checkClassify(classify: ClientOptions['classify'], name: string): ClientOptions['classify'] {
  if (classify !== undefined) checkFunction(name, classify)
  return classify
}
