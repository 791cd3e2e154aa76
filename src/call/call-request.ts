import type { Endpoint } from '../balance/balancer.ts'
import type { Clock } from '../clock.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { AcquireRequest } from '../fleet/picker.ts'
import type { Priority } from '../limit/priority.ts'
import { pathParams } from '../routes/params.ts'
import type { Subset } from '../traffic/subset.ts'
import type { Core } from './core.ts'
import type { Operation } from './operation.ts'
import { addToOneOrSet, isInOneOrSet, type OneOrSet } from './one-or-set.ts'

/**
 * The part of a call that the fleet, balancers and traffic rules read, with the endpoints that further attempts avoid. It
 * is a base class and not a member, so that a call allocates one object only.
 */
export abstract class CallRequest<T> implements AcquireRequest {
  /** When the latest attempt was acquired, or when the call began if there was none. In ms of the clock. */
  now: number
  all: AcquireRequest['all'] = undefined
  avoid: AcquireRequest['avoid'] = undefined
  /** The instances that the call may go to. Undefined means all. */
  subset: Subset | undefined = undefined
  /** The number of the attempt that was requested last, from 1. 0 before the first. */
  attempt = 0
  /** A property and not a method, so that a balancer may destructure it. */
  readonly random: () => number
  readonly core: Core
  readonly operation: Operation<T>
  #excludedEndpoints: OneOrSet<Endpoint> = undefined

  constructor(core: Core, operation: Operation<T>) {
    this.core = core
    this.operation = operation
    this.random = core.random
    this.now = core.clock.now()
  }

  get service(): string {
    return this.core.service
  }

  get clock(): Clock {
    return this.core.clock
  }

  get route(): string | undefined {
    return this.operation.plan.route?.key
  }

  get method(): string | undefined {
    return this.operation.method
  }

  get path(): string | undefined {
    return this.operation.path
  }

  get priority(): Priority {
    return this.operation.priority
  }

  header(name: string): string | undefined {
    return this.operation.header?.(name)
  }

  param(name: string): string | undefined {
    const { route } = this.operation.plan
    return route && this.path !== undefined ? pathParams(route, this.path)[name] : undefined
  }

  excluded(endpoint: Endpoint): boolean {
    return endpoint === this.avoid || isInOneOrSet(this.#excludedEndpoints, endpoint)
  }

  /** Makes further attempts of this call use another endpoint, if one is available. */
  exclude(endpoint: LiveEndpoint): void {
    this.#excludedEndpoints = addToOneOrSet(this.#excludedEndpoints, endpoint)
  }
}
