import { checkNumber, checkObject } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick } from './balancer.ts'
import { decorate } from './decorate.ts'
import { keyReader, type KeyOption } from './key.ts'
import { perSet } from './per-set.ts'
import { Recent } from './recent.ts'
import { factories } from './factories.ts'

/** Options of `sticky()`. */
export interface StickyOptions {
  /** What is remembered, such as a session. A request without a key is left to `over`. */
  readonly key: KeyOption
  /** The strategy that chooses for a new key, and when the remembered endpoint is gone. */
  readonly over: Balancer | Pick
  /**
   * Milliseconds without a request after which a key is forgotten.
   * @default Infinity
   */
  readonly ttl?: number
  /**
   * How many keys are remembered at most; those not used for longest go first.
   * @default 10_000
   */
  readonly max?: number
}

interface Memory {
  /** By id: a removed endpoint must not be kept from the garbage by the keys it had. */
  id: string
  /** Who has the key while its endpoint may not be picked. */
  standIn: string | undefined
  usedAt: number
}

/**
 * Once chosen for a key, an endpoint is chosen again as long as the registry lists it. While it may not be picked, another
 * one stands in, always the same. Only this client knows; clients that
 * must agree without talking want `consistentHash`.
 *
 * @example
 * createClient({ service: 'chat', source, balance: sticky({ key: { cookie: 'session' }, over: leastRequest() }) })
 */
export function sticky(options: StickyOptions): Balancer {
  checkObject('sticky', options, ['key', 'over', 'ttl', 'max'])
  const { ttl = Infinity, max = 10_000 } = options
  const keyOf = keyReader('sticky.key', options.key)
  const over = asBalancer(options.over, 'sticky.over')
  checkNumber('sticky.ttl', ttl, { exclusive: true })
  checkNumber('sticky.max', max, { min: 2, integer: true })
  const memories = new Recent<Memory>(max)
  const usableOf = perSet(byId)
  const listedOf = perSet(byId)

  return decorate(over, (endpoints, request) => {
    const key = keyOf(request)
    if (key === undefined) return over.pick(endpoints, request)
    let memory = memories.get(key)
    if (memory && request.now - memory.usedAt > ttl) memory = undefined
    const known = memory && remembered(memory, usableOf(endpoints, request))
    if (memory && known) {
      memory.usedAt = request.now
      if (!request.excluded(known)) return known
    }
    const chosen = over.pick(endpoints, request)
    // A retry elsewhere does not move the session.
    if (!chosen || known) return chosen
    const { id } = chosen.instance
    // Nor does a breaker that is open, or a pause: they pass.
    if (memory && listedOf(request.all ?? endpoints, request).has(memory.id)) {
      memory.standIn = id
      memory.usedAt = request.now
    } else memories.set(key, { id, standIn: undefined, usedAt: request.now })
    return chosen
  })
}

function byId(endpoints: readonly Endpoint[]): ReadonlyMap<string, Endpoint> {
  return new Map(endpoints.map((endpoint) => [endpoint.instance.id, endpoint]))
}

function remembered({ id, standIn }: Memory, usable: ReadonlyMap<string, Endpoint>): Endpoint | undefined {
  return usable.get(id) ?? (standIn === undefined ? undefined : usable.get(standIn))
}

factories.add(sticky)
