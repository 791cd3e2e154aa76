import type { Core } from '../call/core.ts'
import type { Guard } from '../fleet/guard.ts'
import type { BreakerState, Outcome } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'

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
  /** Mean ms to the headers of recent successes; absent before the first. */
  readonly latency?: number
  /** Attempts by outcome, since the instance was first seen. */
  readonly settled: Readonly<Record<Outcome, number>>
}

/** The state of a client as plain JSON. */
export interface ClientSnapshot {
  readonly service: string
  /** Whether a first snapshot has arrived from the source. */
  readonly ready: boolean
  /** Whether the source is failing, and the instances are the last known good ones. */
  readonly stale: boolean
  readonly instances: readonly InstanceSnapshot[]
}

export function takeSnapshot({ service, discovery, fleet }: Core, guards: readonly Guard[]): ClientSnapshot {
  return {
    service,
    ready: discovery.seen,
    stale: discovery.error !== undefined,
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
      ...(endpoint.latency !== undefined && { latency: endpoint.latency }),
      settled: endpoint.settled,
    })),
  }
}
