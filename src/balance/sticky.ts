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
  /**
   * Requests with the same key, such as a session, go to the same endpoint. The strategy `over` picks for a request
   * without a key.
   */
  readonly key: KeyOption
  /** The strategy that picks for a new key, and again when the endpoint of a key is gone. */
  readonly over: Balancer | Pick
  /**
   * In milliseconds. A key is forgotten after this time without a request.
   * @default Infinity
   */
  readonly ttl?: number
  /**
   * The largest number of remembered keys. Above it, the keys unused for longest are forgotten first.
   * @default 10_000
   */
  readonly max?: number
}

interface Memory {
  /** The instance id, not the endpoint: a reference would keep a removed endpoint in memory. */
  id: string
  /** The instance that gets the key's requests while the remembered endpoint may not be picked. */
  standIn: string | undefined
  usedAt: number
}

/**
 * Sends a key to the endpoint that was picked for it first, as long as the registry lists that endpoint. While it may
 * not be picked, one other endpoint replaces it. Only this client knows the choices. If several clients must choose the
 * same endpoint, use `consistentHash`.
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
    // If the call has tried the known endpoint, it goes to another one. The key stays where it is.
    if (!chosen || known) return chosen
    const { id } = chosen.instance
    // If the endpoint is still listed, an open breaker or a pause excludes it only for a while. The key keeps it.
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
