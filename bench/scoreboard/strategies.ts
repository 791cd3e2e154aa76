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

/** A strategy without breaker, retries and hedges: the caller sees every failure. */
export function alone(balance: Balancer | Pick): SimulatedPolicy {
  return { balance, breaker: false, retry: false, timeout: false }
}

/** Returns a row for each strategy alone, with the published result. */
export function eachAlone(details: Readonly<Record<string, Partial<Variant>>> = {}): readonly Variant[] {
  return Object.entries(strategies).map(([name, make]) => ({
    name,
    client: () => alone(make()),
    chart: true,
    ...details[name],
  }))
}

/**
 * Picks the queue with the lowest real cost. It knows the load of all clients on each server, and the current speed of
 * each server. No client can know that. It shows how much better a strategy could be.
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
      // Each of several equal queues has the same chance.
      if (candidate < least || (candidate === least && request.random() * (ties + 1) < 1)) best = endpoint
      if (candidate <= least) ties++
      least = Math.min(least, candidate)
    }
    return best
  })
}
