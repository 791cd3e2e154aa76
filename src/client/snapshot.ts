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

/** One instance in `client.snapshot()`. */
export interface InstanceSnapshot {
  readonly instance: Instance
  /** The instance's own breaker; `'closed'` also when it has none. */
  readonly breaker: BreakerState
  /** The breakers of routes that have their own, by route key. */
  readonly routes: Readonly<Record<string, BreakerState>>
  /** Attempts from the pick to the end of the body. */
  readonly inFlight: number
  /** Attempts still waiting for headers. */
  readonly pending: number
  /** Of these, requests that wait for a connection of the instance's pool to come free. */
  readonly queued: number
  /** Mean ms to the headers of recent successes; absent before the first. */
  readonly latency?: number
  /** Attempts by outcome, since the instance was first seen. */
  readonly settled: Readonly<Record<Outcome, number>>
  /** What health checks have shown; absent without any. */
  readonly health?: HealthSnapshot
  /** What was done to it by hand; absent when nothing was. */
  readonly byHand?: ByHandSnapshot
}

/** How much of a limit is in use. */
export interface LimitSnapshot {
  /** Calls that may be in flight at once; an adaptive limit's latest. */
  readonly limit: number
  /** Calls in flight: until the headers of their answer. */
  readonly inFlight: number
  /** Calls waiting for a place. */
  readonly queued: number
}

/** One rule of `traffic`. */
export interface TrafficSnapshot {
  /** The instances it sends calls to, as errors name them. */
  readonly to: string
  /** The part of the calls, 0 to 1. */
  readonly share: number
  /** Calls that it has taken since it was set. */
  readonly taken: number
  /** Instances of the source's list that are in it. */
  readonly instances: number
}

/** The state of a client as plain JSON. */
export interface ClientSnapshot {
  readonly service: string
  /** Whether a first snapshot has arrived from the source. */
  readonly ready: boolean
  /** Whether the source is failing, and the instances are the last known good ones. */
  readonly stale: boolean
  /** Milliseconds since it began to fail; absent while it does not. */
  readonly staleFor?: number
  /** Retries and hedges that the budget allows now. */
  readonly budget: number
  readonly instances: readonly InstanceSnapshot[]
  /** The client's own rules; absent when it has none. */
  readonly traffic?: readonly TrafficSnapshot[]
  /** The rules of routes that have their own, by route key; absent when there are none. */
  readonly routeTraffic?: Readonly<Record<string, readonly TrafficSnapshot[]>>
  /** The client's own mirror; absent when it has none. */
  readonly mirror?: MirrorSnapshot
  /** The mirrors of routes that have their own, by route key; absent when there are none. */
  readonly routeMirrors?: Readonly<Record<string, MirrorSnapshot>>
  /** The client's own limit; absent when it has none. */
  readonly limit?: LimitSnapshot
  /** The limits of routes that have their own, by route key; absent when there are none. */
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
    const own = limiters.at(-1)
    return route && own && own !== limiter ? [[route.key, limitOf(own)] as const] : []
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
