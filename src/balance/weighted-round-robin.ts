import type { Balancer, Endpoint } from './balancer.ts'
import { DueWheel, type Slot } from './due-wheel.ts'
import { perFleet } from './per-set.ts'
import { weightOf } from './weight.ts'
import { factories } from './factories.ts'
import { markOurs } from './own.ts'

/** Multiples of it, modulo 1, spread any number of points evenly over [0, 1). */
const GOLDEN = (Math.sqrt(5) - 1) / 2

/**
 * Round robin in proportion to weights, and smooth: weights 5, 1, 1 give `a a b a a c a`, not five in a row.
 * Earliest deadline first: an endpoint is due again 1 / weight after it was due.
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

  /** Also what was gone for long: it joins the line instead of catching up in a burst. */
  function isNew(endpoint: Endpoint): boolean {
    const slot = slotOf.get(endpoint)
    return slot === undefined || slot.due < time - 1 / weightOf(endpoint)
  }

  return markOurs({
    pick(endpoints, request) {
      // Random, so that clients started together do not start on the same endpoint.
      phase ??= request.random()
      const slot = wheelOf(endpoints, request).next(request)
      if (!slot) return undefined
      // At most one turn is ever owed, so what was left out for a while does not come in a burst.
      const { due } = slot
      slot.due = Math.max(due + 1 / weightOf(slot.endpoint), time)
      time = Math.max(time, due)
      return slot.endpoint
    },
  })
}

factories.add(weightedRoundRobin)
