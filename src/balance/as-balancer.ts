import { checkMethods } from '../options.ts'
import type { Balancer, Pick } from './balancer.ts'

/** Accepts a strategy as an object with `pick`, or as a bare function. */
export function asBalancer(value: Balancer | Pick, name = 'balance'): Balancer {
  if (typeof value === 'function') return { pick: value }
  checkMethods(name, value, ['pick'])
  checkMethods(name, value, 'settled' in value && value.settled !== undefined ? ['settled'] : [])
  return value
}
