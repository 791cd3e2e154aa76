import { checkNumber, checkObject, quote } from '../options.ts'
import { asBalancer } from './as-balancer.ts'
import type { Balancer, Endpoint, Pick } from './balancer.ts'
import { pickWithin } from './decorate.ts'
import { perFleet } from './per-set.ts'
import { capacity, partAt, type Part } from './shares.ts'
import { factories } from './factories.ts'
import { markBuiltIn } from './own.ts'

/** Options of `zoneAware()`. */
export interface ZoneAwareOptions {
  /** The zone in which the caller runs, as written in `instance.zone`. */
  readonly zone: string
  /**
   * The fraction of all callers that run in this zone, 0 to 1.
   * @default 1 / the number of zones
   */
  readonly callers?: number
}

/** The weight of one response in the share of local attempts that were refused as overload. */
const RESPONSE_WEIGHT = 0.02

/** The fraction of local requests that always stays local. They show when the overload ends. */
const MIN_LOCAL_SHARE = 0.1

interface Plan {
  readonly local: readonly Endpoint[]
  /** The fraction of requests that the local zone has the capacity for. */
  readonly share: number
  readonly remote: readonly Part[]
}

/**
 * Keeps requests in the caller's zone, as far as the zone has the capacity for its callers. If it lacks capacity or
 * refuses requests as overload, only the excess goes to other zones, in proportion to their spare capacity.
 *
 * @example
 * createClient({ service: 'users', source, balance: zoneAware(peakEwma(), { zone: 'eu-west-1a' }) })
 */
export function zoneAware(inner: Balancer | Pick, options: ZoneAwareOptions): Balancer {
  checkObject('zoneAware', options, ['zone', 'callers'])
  const { zone, callers } = options
  if (typeof zone !== 'string' || zone === '') {
    throw new TypeError(`zoneAware.zone must be a non-empty string, got ${quote(zone)}`)
  }
  if (callers !== undefined) checkNumber('zoneAware.callers', callers, { exclusive: true, max: 1 })
  const strategy = asBalancer(inner, 'zoneAware.inner')
  const planOf = perFleet((endpoints, all) => plan(endpoints, all, zone, callers))
  let refused = 0

  return markBuiltIn({
    pick(endpoints, request) {
      const { local, share, remote } = planOf(endpoints, request)
      const stay = share * Math.max(1 - refused, MIN_LOCAL_SHARE)
      const here = remote.length === 0 || (stay > 0 && (stay >= 1 || request.random() < stay))
      const part = here ? local : partAt(remote, request.random())
      return pickWithin(part, endpoints, strategy, request)
    },
    settled(...attempt) {
      const [endpoint, outcome] = attempt
      if (outcome !== 'ignored' && endpoint.instance.zone === zone) {
        refused += ((outcome === 'overload' ? 1 : 0) - refused) * RESPONSE_WEIGHT
        if (refused < RESPONSE_WEIGHT / 2) refused = 0
      }
      strategy.settled?.(...attempt)
    },
    amended: (...attempt) => strategy.amended?.(...attempt),
    ...(strategy.reported && { reported: (...report) => strategy.reported?.(...report) }),
  })
}

function plan(
  endpoints: readonly Endpoint[],
  all: readonly Endpoint[],
  zone: string,
  callers: number | undefined,
): Plan {
  const zones = new Set([zone, ...all.map(zoneOf), ...endpoints.map(zoneOf)]).size
  const here = callers ?? 1 / zones
  const elsewhere = zones > 1 ? (1 - here) / (zones - 1) : 0
  const total = capacity(endpoints)
  const groups = Map.groupBy(endpoints, zoneOf)
  const local = groups.get(zone) ?? []
  groups.delete(zone)
  // A zone's spare capacity is what its own callers leave unused. If no zone has any, all other zones share by
  // capacity.
  const spare = [...groups.values()].map((members) => ({
    endpoints: members,
    share: Math.max(0, capacity(members) / total - elsewhere),
  }))
  const left = spare.reduce((sum, { share }) => sum + share, 0)
  const remote =
    left > 1e-9
      ? spare.map((part) => ({ ...part, share: part.share / left }))
      : spare.map((part) => ({ ...part, share: capacity(part.endpoints) / (total - capacity(local)) }))
  return { local, share: Math.min(1, capacity(local) / total / here), remote }
}

function zoneOf({ instance }: Endpoint): string | undefined {
  return instance.zone
}

factories.add(zoneAware)
