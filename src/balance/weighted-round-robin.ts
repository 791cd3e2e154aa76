import type { Balancer, Endpoint } from './balancer.ts'
import { DueWheel, type Slot } from './due-wheel.ts'
import { perFleet } from './per-set.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** The multiples of this number, modulo 1, are spread evenly over [0, 1), however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2

/**
 * Round robin in proportion to weights. The picks of an endpoint are spread out: weights 5, 1, 1 give `a a b a a c a`,
 * not five times `a` in a row. The algorithm is earliest deadline first: an endpoint is due again 1 / weight after its
 * last due time.
 *
 * @example
 * createClient({ service: 'users', source, balance: weightedRoundRobin() })
 */
export function weightedRoundRobin(): Balancer {
  const slotOf = new WeakMap<Endpoint, Slot>()
  let time = 0
  let phase: number | undefined

  const wheelOf = perFleet((endpoints) => {
    for (const [weight, fresh] of Map.groupBy(endpoints.filter(isNew), weightOf)) {
      phase = ((phase ?? 0) + GOLDEN) % 1
      for (const [index, endpoint] of fresh.entries()) {
        slotOf.set(endpoint, { endpoint, due: time + ((phase + index / fresh.length) % 1) / weight })
      }
    }
    return new DueWheel(endpoints.map((endpoint) => slotOf.get(endpoint) as Slot))
  })

  /**
   * True also for an endpoint that was absent for long. It starts again like a new one, without a burst of missed
   * turns.
   */
  function isNew(endpoint: Endpoint): boolean {
    const slot = slotOf.get(endpoint)
    return slot === undefined || slot.due < time - 1 / weightOf(endpoint)
  }

  return markBuiltIn({
    pick(endpoints, request) {
      // The phase is random. Otherwise many clients that start together would begin with the same endpoint.
      phase ??= request.random()
      const slot = wheelOf(endpoints, request).next(request)
      if (!slot) return undefined
      // An endpoint can catch up at most one missed turn. So it gets no burst of requests after it was left out for a
      // while.
      const { due } = slot
      slot.due = Math.max(due + 1 / weightOf(slot.endpoint), time)
      time = Math.max(time, due)
      return slot.endpoint
    },
  })
}

factories.add(weightedRoundRobin)
