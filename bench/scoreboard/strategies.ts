import type { Balancer, Pick } from '../../src/balance/balancer.ts'
import { leastRequest } from '../../src/balance/least-request.ts'
import { peakEwma } from '../../src/balance/peak-ewma.ts'
import { random } from '../../src/balance/random.ts'
import { roundRobin } from '../../src/balance/round-robin.ts'
import type { ClientContext, SimulatedPolicy } from '../../src/testing/simulate.ts'
import type { Variant } from './scenario.ts'

export const strategies: Readonly<Record<string, () => Balancer>> = {
  'round robin': roundRobin,
  random,
  'least request': leastRequest,
  'peak EWMA': peakEwma,
}

/** A strategy and nothing else: what it misses, the caller sees. */
export function alone(balance: Balancer | Pick): SimulatedPolicy {
  return { balance, breaker: false, retry: false, timeout: false }
}

/** A row for each strategy alone, with what is published about it. */
export function eachAlone(details: Readonly<Record<string, Partial<Variant>>> = {}): readonly Variant[] {
  return Object.entries(strategies).map(([name, make]) => ({
    name,
    client: () => alone(make()),
    chart: true,
    ...details[name],
  }))
}

/**
 * Joins the queue that is the cheapest in truth: it sees the load that all clients together put on each server,
 * and what a server is worth now. No client can know that; it is there to show what is left to gain.
 */
export function omniscient(
  { inFlight }: ClientContext,
  cost: (server: string, now: number) => number = () => 1,
): SimulatedPolicy {
  return alone((endpoints, request) => {
    let best = endpoints[0]
    let least = Infinity
    let ties = 0
    for (const endpoint of endpoints) {
      const { id } = endpoint.instance
      const candidate = (inFlight(id) + 1) * cost(id, request.now)
      if (candidate < least) ties = 0
      // Each of those that tie is as likely as the others to be the one.
      if (candidate < least || (candidate === least && request.random() * (ties + 1) < 1)) best = endpoint
      if (candidate <= least) ties++
      least = Math.min(least, candidate)
    }
    return best
  })
}
