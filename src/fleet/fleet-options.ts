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

/** What may change while the client is in use. */
export interface FleetPolicy extends ViewPolicy {
  readonly balancer: Balancer
  readonly outliers: OutlierPolicy | undefined
  /** How long a removed endpoint may finish what it carries, in ms. */
  readonly drainTimeout: number
  /** Makes the pool of an instance. The same function as long as pools would be the same. */
  readonly makePool: (instance: Instance) => Dispatcher
  /** Opens connections to a new endpoint; undefined: the first calls do. */
  readonly warmUp?: WarmUp | undefined
}

/** What was done by hand, by instance id. */
export interface ByHand {
  /** Tells endpoints what was said about them; returns when some of it is over. */
  applyTo(endpoints: readonly LiveEndpoint[], now: number): number
  /** Some of it is over. */
  expire(): void
}

/** Who checks the endpoints. */
export interface FleetWatcher {
  /** It waits for the next call. */
  readonly isAsleep: boolean
  wake(): void
  /** A breaker has opened. */
  rearm(): void
  /** The endpoints have changed. */
  applied(): void
}
