import type { Balancer } from './balancer.ts'
import { samplerOf } from './sampler.ts'
import { untried } from './untried.ts'
import { factories } from './factories.ts'
import { markOurs } from './own.ts'

/** A tried endpoint is drawn again this often before all are looked at. */
const DRAWS = 4

/**
 * Any endpoint, in proportion to its weight. Needs no memory and no coordination, and is as uneven as chance.
 *
 * @example
 * createClient({ service: 'users', source, balance: random() })
 */
export function random(): Balancer {
  const sampler = samplerOf()
  return markOurs({
    pick(endpoints, request) {
      const weighted = sampler(endpoints, request)
      for (let draw = 0; draw < DRAWS; draw++) {
        const endpoint = endpoints[weighted.draw(request.random())]
        if (endpoint && !request.excluded(endpoint)) return endpoint
      }
      return untried(endpoints, request)
    },
  })
}

factories.add(random)
