import type { FallbackPolicy, HeaderPolicy, TimeoutPolicy } from '../call/plan.ts'
import type { Clock } from '../clock.ts'
import { Coalescer, type CoalesceOptions } from '../fallback/coalesce.ts'
import { StaleCache } from '../fallback/stale.ts'
import { headerSource } from '../headers/own-headers.ts'
import { checkFunction, checkHeaderName, checkNumber, checkObject, checkRecord, quote } from '../options.ts'
import type { ClientOptions } from './options.ts'
import type { RouteLimit, RouteRule, TimeoutOptions } from './route-rule.ts'
import type { PlanParts } from './plan-parts.ts'

const NO_TIMEOUT: TimeoutPolicy = Object.freeze({
  total: Infinity,
  attempt: Infinity,
  connect: Infinity,
  idle: Infinity,
})
export const DEFAULT_TIMEOUT: TimeoutPolicy = Object.freeze({ ...NO_TIMEOUT, total: 30_000, connect: 10_000 })

export function timeoutPolicy(
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

/**
 * Only false and undefined turn an option off. Other falsy values, such as `hedge: 0`, are mistakes, and the check of
 * the option reports them.
 */
export function isOff(option: unknown): option is false | undefined {
  return option === undefined || option === false
}

export function headerPolicy({ attemptHeader, deadline, headers }: ClientOptions): HeaderPolicy {
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

/** Returns the limit of the client. `perInstance` is not part of it, because it limits each instance. */
export function clientLimit(limit: ClientOptions['limit']): RouteLimit | undefined {
  if (limit === false) return undefined
  if (typeof limit !== 'object' || limit === null || limit.perInstance === undefined) return limit
  const { perInstance: _perInstance, ...own } = limit
  return Object.keys(own).length > 0 ? own : undefined
}

export const NO_FALLBACK: FallbackPolicy = Object.freeze({
  answer: undefined,
  stale: undefined,
  coalescer: undefined,
})

export function fallbackPolicy(
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

export function checkClassify(classify: ClientOptions['classify'], name: string): ClientOptions['classify'] {
  if (classify !== undefined) checkFunction(name, classify)
  return classify
}
