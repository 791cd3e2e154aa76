import type { Endpoint, Pick, PickRequest } from './balancer.ts'
import { samplerOf, type SamplerOf } from './sampler.ts'

/**
 * The largest number of repeated draws in one pick. A draw is repeated if it hits an endpoint that was drawn before or
 * that the call has tried. After that, the pick takes the next usable endpoint in the set.
 */
const MAX_REDRAWS = 6

/** Returns the cost of picking an endpoint. `index` is its index in the set. */
export type Cost = (endpoint: Endpoint, request: PickRequest, index: number) => number

/**
 * The power of d choices: draws `choices` different endpoints by weight and picks the one with the lowest cost. Of
 * equal costs the first drawn wins, so equal endpoints get requests in proportion to their weights.
 */
export function leastOf(choices: number, cost: Cost, sampler: SamplerOf = samplerOf()): Pick {
  const drawn = new Int32Array(choices)
  return (endpoints, request) => {
    const weighted = sampler(endpoints, request)
    const wanted = Math.min(choices, endpoints.length)
    let redraws = MAX_REDRAWS
    let best: Endpoint | undefined
    let bestCost = Infinity
    for (let count = 0; count < wanted;) {
      let index = weighted.draw(request.random())
      if (!usable(endpoints, index, request, drawn, count)) {
        if (redraws-- > 0) continue
        index = neighbour(endpoints, index, request, drawn, count)
        if (index < 0) break
      }
      drawn[count++] = index
      const endpoint = endpoints[index] as Endpoint
      const candidate = cost(endpoint, request, index)
      if (best === undefined || candidate < bestCost) {
        best = endpoint
        bestCost = candidate
      }
    }
    return best ?? endpoints[weighted.draw(request.random())]
  }
}

function usable(
  endpoints: readonly Endpoint[],
  index: number,
  request: PickRequest,
  drawn: Int32Array,
  count: number,
): boolean {
  for (let at = 0; at < count; at++) if (drawn[at] === index) return false
  return !request.excluded(endpoints[index] as Endpoint)
}

function neighbour(
  endpoints: readonly Endpoint[],
  index: number,
  request: PickRequest,
  drawn: Int32Array,
  count: number,
): number {
  for (let ahead = 1; ahead < endpoints.length; ahead++) {
    const next = (index + ahead) % endpoints.length
    if (usable(endpoints, next, request, drawn, count)) return next
  }
  return -1
}
