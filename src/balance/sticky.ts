import { checkNumber, checkObject } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick } from './balancer.ts'
import { decorate } from './decorate.ts'
import { keyReader, type KeyOption } from './key.ts'
import { perSet } from './per-set.ts'
import { Recent } from './recent.ts'
import { factories } from './factories.ts'

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
  usedAt: number
}

/**
 * Once chosen for a key, an endpoint is chosen again as long as it is there. Only this client knows; clients that
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
  const byId = perSet(
    (endpoints) => new Map<string, Endpoint>(endpoints.map((one) => [one.instance.id, one])),
  )

  return decorate(over, (endpoints, request) => {
    const key = keyOf(request)
    if (key === undefined) return over.pick(endpoints, request)
    const memory = memories.get(key)
    const fresh = memory !== undefined && request.now - memory.usedAt <= ttl
    const known = fresh ? byId(endpoints, request).get(memory.id) : undefined
    if (memory && known) {
      memory.usedAt = request.now
      if (!request.excluded(known)) return known
    }
    const chosen = over.pick(endpoints, request)
    // A retry elsewhere does not move the session; an endpoint that is gone does.
    if (chosen && !known) memories.set(key, { id: chosen.instance.id, usedAt: request.now })
    return chosen
  })
}

factories.add(sticky)
