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
import { markOurs } from './own.ts'

/** Options of `consistentHash()`. */
export interface ConsistentHashOptions {
  /** What keeps requests together. A request without a key goes to any endpoint. */
  readonly key: KeyOption
  /**
   * How many times its fair share of the attempts in flight an endpoint may hold before its keys go on to the
   * next one on the ring. 1 is as even as can be, `Infinity` never moves a key.
   * @default 1.25
   */
  readonly loadFactor?: number
}

/** How far a key walks along the ring for room. */
const STEPS = 128

interface Ring {
  readonly ring: HashRing
  readonly load: FairLoad
}

/**
 * The same key to the same endpoint, as long as it is there and not overloaded (consistent hashing with
 * bounded loads: Mirrokni, Thorup and Zadimoghaddam, 2016). For caches on the servers.
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

  return markOurs({
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

/** The first endpoint with room from a point on; the least loaded one passed when none has. */
function walk(
  endpoints: readonly Endpoint[],
  request: PickRequest,
  ring: HashRing,
  home: number,
  load: FairLoad,
  factor: number,
): Endpoint | undefined {
  let best: Endpoint | undefined
  for (let step = 0; step < Math.min(STEPS, ring.size); step++) {
    const endpoint = endpoints[ring.owner(home + step)] as Endpoint
    if (request.excluded(endpoint)) continue
    if (load.hasRoom(endpoint, factor)) return endpoint
    if (!best || endpoint.inFlight / weightOf(endpoint) < best.inFlight / weightOf(best)) best = endpoint
  }
  return best ?? untried(endpoints, request)
}

factories.add(consistentHash)
