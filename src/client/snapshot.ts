import type { ByHandSnapshot } from '../control/hand.ts'
import type { Plans } from '../doors/plan/plans.ts'
import type { Guard } from '../fleet/guard.ts'
import type { Limiter } from '../limit/limiter.ts'
import type { BreakerState, Outcome } from '../observe/events.ts'
import type { ClientCore } from './core.ts'
import { healthSnapshot, type HealthSnapshot } from '../health/snapshot.ts'
import type { Instance } from '../registry/source.ts'
import { mirrorSnapshot, type MirrorSnapshot } from '../mirror/snapshot.ts'
import type { Traffic } from '../traffic/traffic.ts'

export type { MirrorSnapshot } from '../mirror/snapshot.ts'

/** An instance in `client.snapshot()`. */
export interface InstanceSnapshot {
  readonly instance: Instance
  /** The state of the instance's own breaker; `'closed'` if it has none. */
  readonly breaker: BreakerState
  /** The states of the breakers of routes that have a separate one, by route key. */
  readonly routes: Readonly<Record<string, BreakerState>>
  /** Attempts in flight, from the pick to the end of the body. */
  readonly inFlight: number
  /** Attempts that wait for the response headers. */
  readonly pending: number
  /** Those of `pending` that wait for a free connection of the instance's pool. */
  readonly queued: number
  /** The mean time to the headers of recent successes, in milliseconds; absent before the first one. */
  readonly latency?: number
  /** The number of attempts by outcome, since the instance was first seen. */
  readonly settled: Readonly<Record<Outcome, number>>
  /** The result of health checks; absent if there are none. */
  readonly health?: HealthSnapshot
  /** What operators have done by hand; absent if nothing. */
  readonly byHand?: ByHandSnapshot
}

/** How much of a limit is used. */
export interface LimitSnapshot {
  /** The maximum number of calls in flight. For an adaptive limit, the current one. */
  readonly limit: number
  /** Calls in flight, until their response headers. */
  readonly inFlight: number
  /** Calls that wait for a place. */
  readonly queued: number
}

/** A rule of `traffic`. */
export interface TrafficSnapshot {
  /** The instances that get the calls, as errors name them. */
  readonly to: string
  /** The fraction of the calls that the rule takes, 0 to 1. */
  readonly share: number
  /** The number of calls that the rule has taken since it was set. */
  readonly taken: number
  /** The number of instances of the source that are in `to`. */
  readonly instances: number
}

/** The state of a client as plain JSON data. */
export interface ClientSnapshot {
  readonly service: string
  /** True if a first snapshot has arrived from the source. */
  readonly ready: boolean
  /** True if the source is failing, and the last known instances are in use. */
  readonly stale: boolean
  /** Milliseconds since the source has begun to fail; absent if it is not failing. */
  readonly staleFor?: number
  /** The number of retries and hedges that the budget allows now. */
  readonly budget: number
  readonly instances: readonly InstanceSnapshot[]
  /** The client's rules of `traffic`; absent if there are none. */
  readonly traffic?: readonly TrafficSnapshot[]
  /** The rules of `traffic` of routes that have separate ones, by route key; absent if there are none. */
  readonly routeTraffic?: Readonly<Record<string, readonly TrafficSnapshot[]>>
  /** The client's mirror; absent if there is none. */
  readonly mirror?: MirrorSnapshot
  /** The mirrors of routes that have a separate one, by route key; absent if there are none. */
  readonly routeMirrors?: Readonly<Record<string, MirrorSnapshot>>
  /** The client's limit; absent if there is none. */
  readonly limit?: LimitSnapshot
  /** The limits of routes that have a separate one, by route key; absent if there are none. */
  readonly routeLimits?: Readonly<Record<string, LimitSnapshot>>
}

export function takeSnapshot(
  { service, discovery, fleet, hand, budget, clock }: ClientCore,
  { base, routed }: Plans,
  guards: readonly Guard[],
): ClientSnapshot {
  hand.expire()
  const epoch = clock.epoch ?? 0
  const [limiter] = base.limiters
  const routeLimits = routed.flatMap(({ route, limiters }) => {
    const routeLimiter = limiters.at(-1)
    return route && routeLimiter && routeLimiter !== limiter
      ? [[route.key, limitOf(routeLimiter)] as const]
      : []
  })
  const routeTraffic = routed.flatMap(({ route, traffic }) =>
    route && traffic && traffic !== base.traffic ? [[route.key, trafficOf(traffic, fleet)] as const] : [],
  )
  const routeMirrors = routed.flatMap(({ route, mirror }) =>
    route && mirror && mirror !== base.mirror
      ? [[route.key, mirrorSnapshot(mirror, fleet.endpoints)] as const]
      : [],
  )
  return {
    service,
    ready: discovery.seen,
    stale: discovery.error !== undefined,
    ...(discovery.staleFor !== undefined && { staleFor: discovery.staleFor }),
    budget: budget.left,
    instances: fleet.endpoints.map((endpoint) => ({
      instance: { ...endpoint.instance },
      breaker: endpoint.breakerAt(0)?.state ?? 'closed',
      routes: Object.fromEntries(
        guards.flatMap(({ index, route }) =>
          route === undefined ? [] : [[route, endpoint.breakerAt(index)?.state ?? 'closed']],
        ),
      ),
      inFlight: endpoint.inFlight,
      pending: endpoint.pending,
      queued: endpoint.queued,
      ...(endpoint.latency !== undefined && { latency: endpoint.latency }),
      settled: endpoint.settled,
      ...(endpoint.health && { health: healthSnapshot(endpoint.health, epoch) }),
      ...byHand(hand.snapshot(endpoint)),
    })),
    ...(base.traffic && { traffic: trafficOf(base.traffic, fleet) }),
    ...(routeTraffic.length > 0 && { routeTraffic: Object.fromEntries(routeTraffic) }),
    ...(base.mirror && { mirror: mirrorSnapshot(base.mirror, fleet.endpoints) }),
    ...(routeMirrors.length > 0 && { routeMirrors: Object.fromEntries(routeMirrors) }),
    ...(limiter && { limit: limitOf(limiter) }),
    ...(routeLimits.length > 0 && { routeLimits: Object.fromEntries(routeLimits) }),
  }
}

function byHand(said: ByHandSnapshot | undefined): { byHand?: ByHandSnapshot } {
  return said ? { byHand: said } : {}
}

function limitOf({ limit, inFlight, queued }: Limiter): LimitSnapshot {
  return { limit, inFlight, queued }
}

function trafficOf({ rules }: Traffic, { endpoints }: ClientCore['fleet']): TrafficSnapshot[] {
  return rules.map(({ subset, share, percent, taken }) => ({
    to: subset.name,
    share: share * percent,
    taken,
    instances: endpoints.filter(({ instance }) => subset.has(instance)).length,
  }))
}
