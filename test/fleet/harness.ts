import type { Endpoint, Pick } from '../../src/balance/balancer.ts'
import { breakerPolicy, type BreakerOptions } from '../../src/breaker/policy.ts'
import type { Attempt } from '../../src/fleet/attempt.ts'
import { Fleet } from '../../src/fleet/fleet.ts'
import type { FleetOptions } from '../../src/fleet/fleet-options.ts'
import type { Guard } from '../../src/fleet/guard.ts'
import type { AcquireRequest } from '../../src/fleet/picker.ts'
import { Emitter } from '../../src/observe/emitter.ts'
import type { ClientEvents } from '../../src/observe/events.ts'
import type { Instance } from '../../src/registry/source.ts'
import { ManualClock } from '../../src/testing/clock.ts'
import type { Dispatcher } from '../../src/undici.ts'
import { classifiedVerdict } from '../../src/verdict/answer.ts'
import { inOrder } from '../support/balance.ts'

/** A pool that only says whether it was connected and destroyed. */
export class StubPool {
  readonly url: string
  destroyed = false

  constructor(url: string) {
    this.url = url
  }

  /** Takes a request, and never sends it. */
  dispatch(): boolean {
    return true
  }

  close(): Promise<void> {
    return this.destroy()
  }

  destroy(): Promise<void> {
    this.destroyed = true
    return Promise.resolve()
  }
}

/** A fleet on a clock that stands still, and all that can be seen of it. */
export class Harness {
  readonly clock: ManualClock = new ManualClock()
  readonly pools: StubPool[] = []
  /** `instance:added a`, as they came. */
  readonly log: string[] = []
  readonly guards: readonly Guard[]
  readonly fleet: Fleet
  /** Every array the balancer was given. */
  readonly lists: (readonly Endpoint[])[] = []
  pick: Pick = inOrder
  readonly #instances = new Map<string, Instance>()

  constructor({
    breaker = {},
    route,
    ...options
  }: Partial<FleetOptions> & { breaker?: BreakerOptions; route?: BreakerOptions } = {}) {
    const guard = (index: number, policy: BreakerOptions, name?: string): Guard => ({
      index,
      policy: breakerPolicy({ rampFor: 0, ...policy }),
      route: name,
    })
    this.guards = [guard(0, breaker), ...(route ? [guard(1, route, 'GET /x')] : [])]
    const events = new Emitter<ClientEvents>()
    for (const name of ['instance:added', 'instance:changed', 'instance:removed'] as const) {
      events.on(name, ({ instance }) => this.log.push(`${name} ${instance.id}`))
    }
    for (const name of ['breaker:open', 'breaker:half-open', 'breaker:close'] as const) {
      events.on(name, ({ instance }) => this.log.push(`${name} ${instance.id}`))
    }
    this.fleet = new Fleet({
      service: 'user-service',
      clock: this.clock,
      balancer: {
        pick: (endpoints, request) => {
          this.lists.push(endpoints)
          return this.pick(endpoints, request)
        },
      },
      guards: this.guards,
      panicThreshold: 0,
      whenAllOpen: 'refuse',
      outliers: undefined,
      perInstance: Infinity,
      drainTimeout: 1000,
      events,
      makePool: ({ url }) => {
        const pool = new StubPool(url)
        this.pools.push(pool)
        return pool as unknown as Dispatcher
      },
      ...options,
    })
  }

  apply(...instances: readonly (string | Instance)[]): void {
    this.fleet.apply(instances.map((entry) => (typeof entry === 'string' ? this.#instance(entry) : entry)))
  }

  acquire(
    guard: Guard | undefined = this.guards[0],
    request: Partial<AcquireRequest> = {},
  ): Attempt | undefined {
    const fresh: AcquireRequest = {
      now: 0,
      random: () => this.clock.random(),
      attempt: 1,
      excluded: (endpoint) => fresh.avoid === endpoint,
      ...request,
    }
    return this.fleet.acquire(fresh, guard)
  }

  /** One attempt from start to end; the id of whom it went to. */
  run(
    outcome: 'success' | 'failure' | 'overload' | 'ignored' = 'success',
    guard?: Guard,
  ): string | undefined {
    const attempt = this.acquire(guard ?? this.guards[0])
    attempt?.settle(classifiedVerdict(outcome))
    attempt?.release()
    return attempt?.instance.id
  }

  /** The same object for the same id, as an unchanged registry gives it. */
  #instance(id: string): Instance {
    const known = this.#instances.get(id) ?? instance(id)
    this.#instances.set(id, known)
    return known
  }

  get ids(): string[] {
    return this.fleet.endpoints.map(({ instance }) => instance.id)
  }
}

export function instance(id: string, more: Partial<Instance> = {}): Instance {
  return { id, url: `http://${id}:80`, ...more }
}
