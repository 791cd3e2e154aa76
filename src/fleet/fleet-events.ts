import type { Transition } from '../breaker/transition.ts'
import type { Emitter } from '../observe/emitter.ts'
import type { ClientEvents, InstanceCounts, ServiceEvent } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'
import type { Attempt } from './attempt.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { Tally } from './outliers.ts'
import type { Changed } from './roster.ts'

const BREAKER = { open: 'breaker:open', 'half-open': 'breaker:half-open', closed: 'breaker:close' } as const

/** Publishes the events about instances and their breakers. */
export class FleetEvents {
  readonly #events: Emitter<ClientEvents>
  readonly #stamp: () => ServiceEvent

  constructor(events: Emitter<ClientEvents>, stamp: () => ServiceEvent) {
    this.#events = events
    this.#stamp = stamp
  }

  emitTransition(
    { instance, lastFailure }: LiveEndpoint,
    { route }: Guard,
    transition: Transition,
    countStates: () => InstanceCounts,
  ): void {
    const name = BREAKER[transition.to]
    if (!this.#events.has(name)) return
    const { status, error } = (transition.to === 'open' && lastFailure) || {}
    this.#events.emit(name, {
      ...this.#stamp(),
      instance,
      ...(route !== undefined && { route }),
      ...transition,
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error }),
      instances: countStates(),
    })
  }

  emitEjected({ instance }: LiveEndpoint, { calls, successes, ms }: Tally, ejectFor: number): void {
    if (!this.#events.has('instance:ejected')) return
    const latency = successes > 0 && { latency: ms / successes }
    this.#events.emit('instance:ejected', {
      ...this.#stamp(),
      instance,
      ejectFor,
      calls,
      successes,
      ...latency,
    })
  }

  /** The server has asked for a pause. The client avoids the instance for `pauseFor` ms. */
  emitPaused({ instance, status, route }: Attempt, pauseFor: number): void {
    if (!this.#events.has('instance:paused')) return
    this.#events.emit('instance:paused', {
      ...this.#stamp(),
      instance,
      ...(route !== undefined && { route }),
      pauseFor,
      ...(status !== undefined && { status }),
    })
  }

  /** Health checks have changed the state of an instance. */
  emitHealth({ instance, health }: LiveEndpoint, to: 'healthy' | 'unhealthy', now: number): void {
    if (!health) return
    if (to === 'unhealthy') {
      const { latest, failures } = health
      if (latest) this.#events.emit('instance:unhealthy', { ...this.#stamp(), instance, failures, ...latest })
    } else {
      this.#events.emit('instance:healthy', { ...this.#stamp(), instance, unhealthyFor: now - health.since })
    }
  }

  emitSnapshot(
    added: readonly LiveEndpoint[],
    changed: readonly Changed[],
    removed: readonly LiveEndpoint[],
  ): void {
    const stamp = this.#stamp()
    // `instance:removed` comes first: if an id moves to another url, it is removed and added. A listener that keeps a map
    // by id must not delete the new instance.
    for (const { instance } of removed) this.#events.emit('instance:removed', { ...stamp, instance })
    for (const { instance } of added) this.#events.emit('instance:added', { ...stamp, instance })
    for (const { endpoint, previous } of changed) {
      const { instance } = endpoint
      const changes = differences(previous, instance)
      this.#events.emit('instance:changed', { ...stamp, instance, previous, changes })
    }
  }
}

/** Returns the names of the members that differ. Instances are plain data, so JSON can compare them. */
function differences(before: Instance, after: Instance): (keyof Instance)[] {
  const names = new Set(Object.keys({ ...before, ...after }) as (keyof Instance)[])
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}
