import type { Balancer } from './balancer.ts'

const withoutUserCode = new WeakSet<Balancer>()
const builtIn = new WeakSet<Balancer>()

/**
 * Marks a built-in strategy. It never detaches functions from a request, so it can get the call itself as the request.
 */
export function markBuiltIn(balancer: Balancer): Balancer {
  builtIn.add(balancer)
  return balancer
}

export function isBuiltIn(balancer: Balancer): boolean {
  return builtIn.has(balancer)
}

/** Marks a built-in strategy that runs no user code: it has no key function and contains no other strategy. */
export function markWithoutUserCode(balancer: Balancer): Balancer {
  withoutUserCode.add(balancer)
  return markBuiltIn(balancer)
}

/** True if the strategy may run user code. That code must run in the async context of its own call. */
export function runsUserCode(balancer: Balancer): boolean {
  return !withoutUserCode.has(balancer)
}
