import { checkNumber, checkObject, quote } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick } from './balancer.ts'
import { decorate, pickWithin } from './decorate.ts'
import { hash } from './hash.ts'
import { perFleet } from './per-set.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** Options of `subset()`. */
export interface SubsetOptions {
  /** The number of endpoints that this client uses. */
  readonly size: number
  /**
   * Identifies this client. A number counted from 0 is best, such as the ordinal of a pod: consecutive numbers spread
   * the clients evenly over the endpoints. Strings spread them only as evenly as chance does.
   */
  readonly clientId: number | string
}

const GOLDEN = (Math.sqrt(5) - 1) / 2

/**
 * Lets each client use only some of the endpoints. So a thousand clients do not hold a million connections.
 *
 * All clients arrange the endpoints on the same circle, ordered by hashed id. Each client uses an arc of it that starts
 * at the client's own position. When an endpoint joins or leaves, an arc changes by one or two endpoints. The arc
 * becomes longer by one for each endpoint in it that may not be tried.
 *
 * @example
 * createClient({ service: 'users', source, balance: subset(peakEwma(), { size: 20, clientId: 7 }) })
 */
export function subset(inner: Balancer | Pick, options: SubsetOptions): Balancer {
  checkObject('subset', options, ['size', 'clientId'])
  const size = checkNumber('subset.size', options.size, { min: 1, integer: true })
  const place = placeOf(options.clientId)
  const strategy = asBalancer(inner, 'subset.inner')
  const circleOf = new WeakMap<readonly Endpoint[], readonly Endpoint[]>()

  const arcOf = perFleet((endpoints, all) => {
    if (endpoints.length <= size) return endpoints
    let circle = circleOf.get(all)
    if (!circle) circleOf.set(all, (circle = inCircle(all)))
    const usable = new Set(endpoints)
    const start = Math.floor(place * circle.length)
    const arc: Endpoint[] = []
    for (let ahead = 0; ahead < circle.length && arc.length < size; ahead++) {
      const endpoint = circle[(start + ahead) % circle.length]
      if (endpoint && usable.has(endpoint)) arc.push(endpoint)
    }
    return arc
  })

  let latest: readonly Endpoint[] | undefined
  const balancer = decorate(strategy, (endpoints, request) => {
    latest = arcOf(endpoints, request)
    return pickWithin(latest, endpoints, strategy, request)
  })
  return markBuiltIn({
    ...balancer,
    standing: (endpoint, now) => ({
      ...strategy.standing?.(endpoint, now),
      ...(latest?.includes(endpoint) === false && { otherSubset: true }),
    }),
  })
}

function placeOf(clientId: unknown): number {
  if (typeof clientId === 'string' && clientId !== '') return hash(clientId) / 2 ** 32
  if (typeof clientId === 'number') {
    return (checkNumber('subset.clientId', clientId, { integer: true, max: 2 ** 31 }) * GOLDEN) % 1
  }
  throw new TypeError(`subset.clientId must be a number or a non-empty string, got ${quote(clientId)}`)
}

function inCircle(all: readonly Endpoint[]): readonly Endpoint[] {
  return all
    .map((endpoint) => ({ endpoint, at: hash(endpoint.instance.id) }))
    .toSorted((a, b) => a.at - b.at || (a.endpoint.instance.id < b.endpoint.instance.id ? -1 : 1))
    .map(({ endpoint }) => endpoint)
}

factories.add(subset)
