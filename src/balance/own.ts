import type { Balancer } from './balancer.ts'

const own = new WeakSet<Balancer>()
const ours = new WeakSet<Balancer>()

/** Marks a strategy that is written here: it takes no functions out of a request. */
export function markOurs(balancer: Balancer): Balancer {
  ours.add(balancer)
  return balancer
}

export function isOurs(balancer: Balancer): boolean {
  return ours.has(balancer)
}

/** Marks a strategy that runs no code of the user's: no key function, and no other strategy inside. */
export function markOwn(balancer: Balancer): Balancer {
  own.add(balancer)
  return markOurs(balancer)
}

/** Whether a strategy runs code of the user's, which is to see the context of its own call. */
export function runsUserCode(balancer: Balancer): boolean {
  return !own.has(balancer)
}
