import type { Balancer } from '../balance/balancer.ts'
import type { Clock } from '../clock.ts'
import type { Emitter } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'
import type { Dispatcher } from '../undici.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { OutlierPolicy } from './outlier-policy.ts'
import type { ViewPolicy } from './view.ts'
import type { WarmUp } from './endpoint-warmer.ts'

export interface FleetOptions extends FleetPolicy {
  readonly service: string
  readonly clock: Clock
  readonly events: Emitter<ClientEvents>
  readonly hand?: ByHand | undefined
}

/** The options that `client.update()` may change. */
export interface FleetPolicy extends ViewPolicy {
  readonly balancer: Balancer
  readonly outliers: OutlierPolicy | undefined
  /** How long the attempts of a removed endpoint may go on, in ms. */
  readonly drainTimeout: number
  /** Makes the pool of an instance. Stays the same function as long as the pools stay. See {@link needsNewPools}. */
  readonly makePool: (instance: Instance) => Dispatcher
  /** Opens connections to a new endpoint. Undefined means that its first requests do. */
  readonly warmUp?: WarmUp | undefined
}

/** True if the requests after an update must not use the pools that were made before it. */
export function needsNewPools(before: FleetPolicy, next: FleetPolicy): boolean {
  return before.makePool !== next.makePool
}

/** What operators have done by hand, by the id of the instance. */
export interface ByHand {
  /** Applies it to the endpoints. Returns when the first action expires, in ms of the clock. */
  applyTo(endpoints: readonly LiveEndpoint[], now: number): number
  /** Ends the actions that have expired. */
  expire(): void
}

/** The health checker, as the fleet sees it. */
export interface FleetChecker {
  /** True if it makes no checks until the next call. */
  readonly isAsleep: boolean
  /** Called at the first call while it is asleep. */
  wake(): void
  /** Called when a breaker has opened. */
  rearm(): void
  /** Called when the endpoints have changed. */
  applied(): void
}
