import type { Balancer } from './balancer.ts'

const own = new WeakSet<Balancer>()

/** Marks a strategy that runs no code of the user's: no key function, and no other strategy inside. */
export function markOwn(balancer: Balancer): Balancer {
  own.add(balancer)
  return balancer
}

/** Whether a strategy runs code of the user's, which is to see the context of its own call. */
export function runsUserCode(balancer: Balancer): boolean {
  return !own.has(balancer)
}
