import { checkNumber, checkObject } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick } from './balancer.ts'
import { decorate, pickWithin } from './decorate.ts'
import { perFleet } from './per-set.ts'
import { capacity, partAt, type Part } from './shares.ts'
import { factories } from './factories.ts'

/** Options of `failover()`. */
export interface FailoverOptions {
  /**
   * A factor on the healthy capacity of a priority level. At 1.4 a level keeps all requests until less than
   * 1 / 1.4 = 71 % of its capacity is healthy. Then the next level gets the missing share.
   * @default 1.4
   */
  readonly overprovisioning?: number
}

/**
 * Prefers the endpoints with the lowest `priority`. When that level loses healthy endpoints, the next level gradually
 * gets requests.
 *
 * @example
 * createClient({ service: 'users', source, balance: failover(leastRequest()) })
 */
export function failover(inner: Balancer | Pick, options: FailoverOptions = {}): Balancer {
  checkObject('failover', options, ['overprovisioning'])
  const { overprovisioning = 1.4 } = options
  checkNumber('failover.overprovisioning', overprovisioning, { min: 1 })
  const strategy = asBalancer(inner, 'failover.inner')
  const plan = perFleet((endpoints, all) => ({ levels: levels(endpoints, all, overprovisioning) }))
  return decorate(strategy, (endpoints, request) => {
    const parts = plan(endpoints, request).levels
    const only = parts.length === 1 ? parts[0]?.endpoints : undefined
    return pickWithin(only ?? partAt(parts, request.random()), endpoints, strategy, request)
  })
}

function levels(endpoints: readonly Endpoint[], all: readonly Endpoint[], factor: number): Part[] {
  const healthy = Map.groupBy(endpoints, priorityOf)
  const known = Map.groupBy(all, priorityOf)
  const parts: { endpoints: Endpoint[]; share: number }[] = []
  let left = 1
  for (const [priority, members] of [...healthy].toSorted(([a], [b]) => a - b)) {
    const total = Math.max(capacity(known.get(priority) ?? members), capacity(members))
    const share = Math.min(left, (factor * capacity(members)) / total)
    if (share > 0) parts.push({ endpoints: members, share })
    left -= share
  }
  // If the healthy endpoints of all levels cannot take all requests, the rest is divided in the same proportions.
  return parts.map((part) => ({ ...part, share: part.share / (1 - left) }))
}

function priorityOf({ instance }: Endpoint): number {
  return instance.priority ?? 0
}

factories.add(failover)
