import { types } from 'node:util'
import { checkMethods, quote } from '../options.ts'
import { decorate } from './decorate.ts'
import { detached } from './detached.ts'
import { factories } from './factories.ts'
import { isBuiltIn } from './own.ts'
import type { Balancer, Pick } from './balancer.ts'

/** Accepts a strategy as an object with a `pick` method, or as a function. Throws a TypeError for anything else. */
export function asBalancer(value: Balancer | Pick, name = 'balance'): Balancer {
  if (typeof value === 'function' && factories.has(value)) {
    throw new TypeError(`${name} must be a strategy: call ${value.name}(), got the function itself`)
  }
  if (typeof value === 'string') {
    throw new TypeError(`${name} must be a strategy such as roundRobin(), or a function, got ${quote(value)}`)
  }
  const balancer = typeof value === 'function' ? { pick: value } : value
  checkMethods(name, balancer, ['pick'])
  const optional = (['settled', 'amended', 'reported'] as const).filter(
    (method) => balancer[method] !== undefined,
  )
  checkMethods(name, balancer, optional)
  if (types.isAsyncFunction((balancer as { pick: unknown }).pick)) {
    throw new TypeError(`${name} must pick at once, not in a promise, got ${quote(value)}`)
  }
  if (isBuiltIn(balancer)) return balancer
  return decorate(balancer, (endpoints, request) => balancer.pick(endpoints, detached(request)))
}
