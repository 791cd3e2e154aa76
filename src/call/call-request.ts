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
 * A call as the fleet sees it: what strategies and traffic rules may ask about it, and which endpoints it has tried. A base
 * class of the call and not a member: a call is one object.
 */
export abstract class CallRequest<T> implements AcquireRequest {
  /** When the latest attempt was acquired, or the call begun. */
  now: number
  all: AcquireRequest['all'] = undefined
  avoid: AcquireRequest['avoid'] = undefined
  /** The instances that it may go to; undefined: all of them. */
  subset: Subset | undefined = undefined
  /** The number of the latest attempt. */
  attempt = 0
  /** A property, so that a strategy may take it out of the request. */
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

  /** Keeps a further attempt of this call off the endpoint, while another may take it. */
  exclude(endpoint: LiveEndpoint): void {
    this.#excludedEndpoints = addToOneOrSet(this.#excludedEndpoints, endpoint)
  }
}
