import type { Balancer } from './balancer.ts'
import { samplerOf } from './sampler.ts'
import { untried } from './untried.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** The number of draws before every endpoint is examined. A draw that hits a tried endpoint is repeated. */
const MAX_DRAWS = 4

/**
 * Picks endpoints at random, in proportion to their weights. It needs no state. The shares are only as even as chance
 * makes them.
 *
 * @example
 * createClient({ service: 'users', source, balance: random() })
 */
export function random(): Balancer {
  const sampler = samplerOf()
  return markBuiltIn({
    pick(endpoints, request) {
      const weighted = sampler(endpoints, request)
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const endpoint = endpoints[weighted.draw(request.random())]
        if (endpoint && !request.excluded(endpoint)) return endpoint
      }
      return untried(endpoints, request)
    },
  })
}

factories.add(random)
