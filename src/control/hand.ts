import type { Clock } from '../clock.ts'
import { withoutStack } from '../errors.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { ControlAction, ControlEvent } from '../observe/events.ts'
import { checkBoolean, checkNumber, checkObject, quote } from '../options.ts'
import { oneLine } from '../quote.ts'
import type { Instance } from '../registry/source.ts'
import { Marks, type Mark, type MarkKind } from './marks.ts'

/** How long an action by hand lasts, and why it was done. */
export interface ByHandOptions {
  /** Milliseconds after which the action ends. @default it lasts until an operator undoes it */
  for?: number
  /** The reason, for events and snapshots. */
  reason?: string
}

/** The options of an action that takes an instance out of use. */
export interface TakeOutOptions extends ByHandOptions {
  /** True to do it even if no other instance is left. @default false */
  force?: boolean
}

/**
 * What was done by hand to one instance, as a snapshot shows it. `until` is in Unix milliseconds; absent, the action
 * lasts until an operator undoes it.
 */
export interface ByHandSnapshot {
  /** `suspended` is true if the instance is used although it is isolated, because no other one is left. */
  readonly isolated?: ActionSnapshot & { readonly suspended?: true }
  readonly draining?: ActionSnapshot
  /** `value` is the weight that was set. */
  readonly weight?: ActionSnapshot & { readonly value: number }
  readonly open?: ActionSnapshot
}

interface ActionSnapshot {
  readonly until?: number
  readonly reason?: string
}

export interface HandContext {
  readonly service: string
  readonly clock: Clock
  fleet(this: void): Fleet
  /** Applies the current instances to the fleet again. */
  refresh(this: void): void
  publish(this: void, event: Omit<ControlEvent, 'service' | 'at'>): void
}

/**
 * What operators do by hand. It owns no timer: the end of an action is noticed at the next call, snapshot or action.
 */
export class Hand {
  readonly #marks = new Marks()
  readonly #context: HandContext
  readonly #opened = new WeakSet<LiveEndpoint>()
  /**
   * The copies of instances with the weight set by hand. An instance always gets the same copy: another object would
   * count as a change.
   */
  readonly #weighed = new WeakMap<Instance, Instance>()

  constructor(context: HandContext) {
    this.#context = context
  }

  isolate(id: string, options: TakeOutOptions = {}): void {
    const { until, reason, force } = this.#check('isolate', id, options, ['for', 'reason', 'force'])
    if (!force) this.#refuseLast('isolate', id)
    else if (!this.#hasOther(id)) this.#forceIsolated()
    this.#apply('isolate', id, { isolated: { until, reason, force } }, until, reason)
  }

  drain(id: string, options: ByHandOptions = {}): void {
    const { until, reason } = this.#check('drain', id, options, ['for', 'reason'])
    this.#apply('drain', id, { draining: { until, reason } }, until, reason)
  }

  weigh(id: string, weight: number, options: ByHandOptions = {}): void {
    const value = checkNumber('weigh().weight', weight, { max: Number.MAX_SAFE_INTEGER })
    const { until, reason } = this.#check('weigh', id, options, ['for', 'reason'])
    this.#apply('weigh', id, { weight: { until, reason, value } }, until, reason, value)
  }

  open(id: string, ms: number, options: Omit<TakeOutOptions, 'for'> = {}): void {
    checkNumber('open().ms', ms, { exclusive: true, max: Number.MAX_SAFE_INTEGER })
    const { reason, force } = this.#check('open', id, options, ['reason', 'force'])
    const { fleet, clock } = this.#context
    if (!fleet().instanceGuard)
      throw new TypeError('open() needs a breaker, and breaker is false: use isolate()')
    if (!force) this.#refuseLast('open', id)
    for (const endpoint of fleet().endpoints) if (endpoint.instance.id === id) this.#opened.delete(endpoint)
    const until = clock.now() + ms
    this.#apply('open', id, { open: { until, reason } }, until, reason)
  }

  /** Undoes what was done by hand to the instance. Its breakers do not change. */
  restore(id: string): void {
    this.#checkId('restore', id)
    this.#clear('restore', id)
  }

  /** Resets the breakers of one instance or of all, and undoes what was done by hand. */
  reset(id?: string): void {
    if (id === undefined) this.expire()
    else this.#checkId('reset', id)
    const { fleet } = this.#context
    for (const endpoint of fleet().endpoints) {
      if (id === undefined || endpoint.instance.id === id) endpoint.reset()
    }
    this.#clear('reset', id)
  }

  /** Returns the instances with the weights that were set by hand. */
  withWeights(instances: readonly Instance[]): readonly Instance[] {
    const now = this.#context.clock.now()
    return instances.map((instance) => {
      // A mark that is over stays until expire() publishes its event.
      const weight = this.#marks.of(instance.id)?.weight
      if (weight === undefined || weight.until <= now) return instance
      const { value } = weight
      let weighed = this.#weighed.get(instance)
      if (weighed?.weight !== value) this.#weighed.set(instance, (weighed = { ...instance, weight: value }))
      return weighed
    })
  }

  /** Applies the marks to the endpoints. Returns when this must be done again. */
  applyTo(endpoints: readonly LiveEndpoint[], now: number): number {
    const marks = endpoints.map(({ instance }) => this.#marks.of(instance.id))
    // If all instances are isolated, they are used anyway, except those that were isolated by force.
    // So calls do not fail only because of actions by hand.
    const areAllOut = marks.every((mark) => mark?.isolated && mark.isolated.until > now)
    for (const [index, endpoint] of endpoints.entries()) {
      const { isolated, draining, open } = marks[index] ?? {}
      endpoint.isolatedUntil = isolated && (isolated.force || !areAllOut) ? isolated.until : -Infinity
      endpoint.drainedUntil = draining?.until ?? -Infinity
      if (!open || this.#opened.has(endpoint) || open.until <= now) continue
      this.#opened.add(endpoint)
      endpoint.openByHand(now, open.until - now)
    }
    return this.#marks.dueAt
  }

  /** Ends the actions whose time has passed, and publishes an event for each. */
  expire(): void {
    const { clock, refresh, publish } = this.#context
    const over = this.#marks.expire(clock.now())
    if (over.length === 0) return
    refresh()
    for (const { id, kind, reason } of over) {
      publish({ action: 'expired', id, reason: `the time for '${kind}' has passed${withReason(reason)}` })
    }
  }

  /** Returns why something was done to the instance by hand, such as `by hand: INC-123`. Undefined if it was not. */
  note({ instance }: LiveEndpoint, kind: MarkKind): string | undefined {
    const mark = this.#marks.of(instance.id)?.[kind]
    return mark && `by hand${withReason(mark.reason)}`
  }

  snapshot(endpoint: LiveEndpoint): ByHandSnapshot | undefined {
    const mark = this.#marks.of(endpoint.instance.id)
    if (!mark) return undefined
    const epoch = this.#context.clock.epoch ?? 0
    const snapshotOf = ({
      until,
      reason,
    }: {
      until: number
      reason: string | undefined
    }): ActionSnapshot => ({
      ...(until < Infinity && { until: until + epoch }),
      ...(reason !== undefined && { reason }),
    })
    const { isolated, draining, weight, open } = mark
    const isSuspended = isolated !== undefined && endpoint.isolatedUntil === -Infinity
    return {
      ...(isolated && {
        isolated: { ...snapshotOf(isolated), ...(isSuspended && { suspended: true as const }) },
      }),
      ...(draining && { draining: snapshotOf(draining) }),
      ...(weight && { weight: { ...snapshotOf(weight), value: weight.value } }),
      ...(open && { open: snapshotOf(open) }),
    }
  }

  #apply(
    action: ControlAction,
    id: string,
    mark: Mark,
    until: number,
    reason: string | undefined,
    weight?: number,
  ): void {
    const { clock, refresh, publish } = this.#context
    this.#marks.set(id, mark)
    refresh()
    publish({
      action,
      id,
      ...(until < Infinity && { until: until + (clock.epoch ?? 0) }),
      ...(reason !== undefined && { reason }),
      ...(weight !== undefined && { weight }),
    })
  }

  #clear(action: 'restore' | 'reset', id: string | undefined): void {
    this.#marks.clear(id)
    this.#context.refresh()
    this.#context.publish({ action, ...(id !== undefined && { id }) })
  }

  #check(
    name: string,
    id: string,
    options: TakeOutOptions,
    known: readonly (keyof TakeOutOptions)[],
  ): { until: number; reason: string | undefined; force: boolean } {
    this.#checkId(name, id)
    checkObject(`${name}()`, options, known)
    const { for: ms = Infinity, reason, force = false } = options
    checkNumber(`${name}().for`, ms, { exclusive: true })
    checkBoolean(`${name}().force`, force)
    if (reason !== undefined && typeof reason !== 'string') {
      throw new TypeError(`${name}().reason must be a string, got ${quote(reason)}`)
    }
    return { until: this.#context.clock.now() + ms, reason, force }
  }

  /**
   * Throws if there is no such instance. Otherwise an operator could believe that an action with a misspelt id had an
   * effect.
   */
  #checkId(name: string, id: string): void {
    this.expire()
    const { fleet, service } = this.#context
    const known = fleet().endpoints.map(({ instance }) => instance.id)
    if (known.includes(id) || (typeof id === 'string' && this.#marks.of(id))) return
    throw withoutStack(
      () => new RangeError(`${name}(): ${service} has no instance ${quote(id)}; known: ${namesOf(known)}`),
    )
  }

  #refuseLast(name: string, id: string): void {
    if (this.#hasOther(id)) return
    throw new RangeError(
      `${name}(${quote(id)}) would leave ${this.#context.service} without an instance; pass { force: true } to do it anyway`,
    )
  }

  /** True if there is another instance that can be used. */
  #hasOther(id: string): boolean {
    const { fleet, clock } = this.#context
    const now = clock.now()
    return fleet().endpoints.some(
      (endpoint) =>
        endpoint.instance.id !== id && endpoint.isolatedUntil <= now && endpoint.isInstanceBreakerClosed(),
    )
  }

  /** The last instance is isolated by force. Then those that were isolated before must not be used again. */
  #forceIsolated(): void {
    for (const { instance } of this.#context.fleet().endpoints) {
      const isolated = this.#marks.of(instance.id)?.isolated
      if (isolated) this.#marks.set(instance.id, { isolated: { ...isolated, force: true } })
    }
  }
}

function withReason(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${oneLine(reason)}`
}

/** The largest number of known ids in an error message. */
const MAX_SHOWN_IDS = 20

function namesOf(ids: readonly string[]): string {
  const more = ids.length > MAX_SHOWN_IDS ? `, and ${ids.length - MAX_SHOWN_IDS} more` : ''
  return ids.length > 0 ? `${ids.slice(0, MAX_SHOWN_IDS).map(oneLine).join(', ')}${more}` : 'none'
}
