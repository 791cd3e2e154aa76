import { checkNumber, checkObject } from '../options.ts'
import type { Balancer, Endpoint, PickRequest } from './balancer.ts'
import { FairLoad } from './fair-load.ts'
import { HashRing } from './hash-ring.ts'
import { keyReader, type KeyOption } from './key.ts'
import { perFleet } from './per-set.ts'
import { random } from './random.ts'
import { untried } from './untried.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** Options of `consistentHash()`. */
export interface ConsistentHashOptions {
  /** Requests with the same key go to the same endpoint. A request without a key goes to any endpoint. */
  readonly key: KeyOption
  /**
   * The load limit of an endpoint, as a multiple of its fair share of the attempts in flight. While an endpoint is at
   * this limit, its keys go to the next endpoint on the ring. 1 spreads the load most evenly; `Infinity` never moves a
   * key.
   * @default 1.25
   */
  readonly loadFactor?: number
}

/** The largest number of ring points that one pick examines to find an endpoint with room. */
const MAX_STEPS = 128

interface Ring {
  readonly ring: HashRing
  readonly load: FairLoad
}

/**
 * Sends requests with the same key to the same endpoint, as long as the endpoint exists and is not overloaded. Use it
 * when the servers keep caches. The algorithm is consistent hashing with bounded loads (Mirrokni, Thorup and
 * Zadimoghaddam, 2016).
 *
 * @example
 * createClient({ service: 'users', source, balance: consistentHash({ key: { param: 'id' } }) })
 */
export function consistentHash(options: ConsistentHashOptions): Balancer {
  checkObject('consistentHash', options, ['key', 'loadFactor'])
  const { key: keyOption, loadFactor = 1.25 } = options
  const keyOf = keyReader('consistentHash.key', keyOption)
  checkNumber('consistentHash.loadFactor', loadFactor, { min: 1 })
  const keyless = random()
  const ringOf = perFleet((endpoints): Ring => ({
    ring: new HashRing(endpoints),
    load: new FairLoad(endpoints),
  }))

  return markBuiltIn({
    pick(endpoints, request) {
      const key = keyOf(request)
      if (key === undefined) return keyless.pick(endpoints, request)
      const { ring, load } = ringOf(endpoints, request)
      const home = ring.point(key)
      load.refresh()
      return walk(endpoints, request, ring, home, load, loadFactor)
    },
  })
}

/**
 * Returns the first endpoint with room, starting at `home`. If none has room, returns the least loaded of those
 * examined.
 */
function walk(
  endpoints: readonly Endpoint[],
  request: PickRequest,
  ring: HashRing,
  home: number,
  load: FairLoad,
  factor: number,
): Endpoint | undefined {
  let best: Endpoint | undefined
  for (let step = 0; step < Math.min(MAX_STEPS, ring.size); step++) {
    const endpoint = endpoints[ring.owner(home + step)] as Endpoint
    if (request.excluded(endpoint)) continue
    if (load.hasRoom(endpoint, factor)) return endpoint
    if (!best || endpoint.inFlight / weightOf(endpoint) < best.inFlight / weightOf(best)) best = endpoint
  }
  return best ?? untried(endpoints, request)
}

factories.add(consistentHash)
