import type { Clock } from '../clock.ts'
import { withoutStack } from '../errors.ts'
import type { LiveEndpoint } from '../fleet/endpoint.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { ControlAction, ControlEvent } from '../observe/events.ts'
import { checkBoolean, checkNumber, checkObject, quote } from '../options.ts'
import { oneLine } from '../quote.ts'
import type { Instance } from '../registry/source.ts'
import { Marks, type Mark, type MarkKind } from './marks.ts'

/** For how long something is done by hand, and why. */
export interface ByHandOptions {
  /** Milliseconds after which it is taken back. @default until it is taken back by hand */
  for?: number
  /** Why, for events and snapshots. */
  reason?: string
}

/** The same for what takes an instance out of use. */
export interface TakeOutOptions extends ByHandOptions {
  /** Does it also to the last instance that is left. @default false */
  force?: boolean
}

/** What was done by hand to one instance, as a snapshot shows it. `until` is Unix ms; absent: until taken back. */
export interface ByHandSnapshot {
  /** `suspended`: it was the last one left, and is used all the same. */
  readonly isolated?: HeldSnapshot & { readonly suspended?: true }
  readonly draining?: HeldSnapshot
  /** `value` is the weight that was set. */
  readonly weight?: HeldSnapshot & { readonly value: number }
  readonly open?: HeldSnapshot
}

interface HeldSnapshot {
  readonly until?: number
  readonly reason?: string
}

export interface HandContext {
  readonly service: string
  readonly clock: Clock
  fleet(this: void): Fleet
  /** Gives the fleet its instances again. */
  refresh(this: void): void
  publish(this: void, event: Omit<ControlEvent, 'service' | 'at'>): void
}

/** What operators do by hand. It owns no timer: what is over is noticed at the next call, snapshot or action. */
export class Hand {
  readonly #marks = new Marks()
  readonly #context: HandContext
  readonly #opened = new WeakSet<LiveEndpoint>()
  /** The same dressed object for the same instance, or each snapshot would change it. */
  readonly #dressed = new WeakMap<Instance, Instance>()

  constructor(context: HandContext) {
    this.#context = context
  }

  isolate(id: string, options: TakeOutOptions = {}): void {
    const { until, reason, force } = this.#check('isolate', id, options, ['for', 'reason', 'force'])
    if (!force) this.#refuseLast('isolate', id)
    else if (!this.#isAnyLeft(id)) this.#forceIsolated()
    this.#say('isolate', id, { isolated: { until, reason, force } }, until, reason)
  }

  drain(id: string, options: ByHandOptions = {}): void {
    const { until, reason } = this.#check('drain', id, options, ['for', 'reason'])
    this.#say('drain', id, { draining: { until, reason } }, until, reason)
  }

  weigh(id: string, weight: number, options: ByHandOptions = {}): void {
    const value = checkNumber('weigh().weight', weight, { max: Number.MAX_SAFE_INTEGER })
    const { until, reason } = this.#check('weigh', id, options, ['for', 'reason'])
    this.#say('weigh', id, { weight: { until, reason, value } }, until, reason, value)
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
    this.#say('open', id, { open: { until, reason } }, until, reason)
  }

  /** Takes back what was done by hand to the instance; its breakers stay as they are. */
  restore(id: string): void {
    this.#checkId('restore', id)
    this.#takeBack('restore', id)
  }

  /** As good as new: one instance, or all. */
  reset(id?: string): void {
    if (id === undefined) this.expire()
    else this.#checkId('reset', id)
    const { fleet } = this.#context
    for (const endpoint of fleet().endpoints) {
      if (id === undefined || endpoint.instance.id === id) endpoint.reset()
    }
    this.#takeBack('reset', id)
  }

  /** Instances as they are to be used: with the weight that was set by hand. */
  dress(instances: readonly Instance[]): readonly Instance[] {
    const now = this.#context.clock.now()
    return instances.map((instance) => {
      // A mark that is over stays until expire() publishes its event.
      const weight = this.#marks.of(instance.id)?.weight
      if (weight === undefined || weight.until <= now) return instance
      const { value } = weight
      let dressed = this.#dressed.get(instance)
      if (dressed?.weight !== value) this.#dressed.set(instance, (dressed = { ...instance, weight: value }))
      return dressed
    })
  }

  /** Tells endpoints what was said about their ids; returns when that has to be done again. */
  imprint(endpoints: readonly LiveEndpoint[], now: number): number {
    const marks = endpoints.map(({ instance }) => this.#marks.of(instance.id))
    // In no incident worse than without a hand: who is the last one left is used, unless that was forced.
    const areAllOut = marks.every((mark) => mark?.isolated && mark.isolated.until > now)
    for (const [index, endpoint] of endpoints.entries()) {
      const { isolated, draining, open } = marks[index] ?? {}
      endpoint.isolatedUntil = isolated && (isolated.force || !areAllOut) ? isolated.until : -Infinity
      endpoint.drainedUntil = draining?.until ?? -Infinity
      if (!open || this.#opened.has(endpoint) || open.until <= now) continue
      this.#opened.add(endpoint)
      endpoint.open(now, open.until - now)
    }
    return this.#marks.dueAt
  }

  /** Something is over. */
  expire(): void {
    const { clock, refresh, publish } = this.#context
    const over = this.#marks.expire(clock.now())
    if (over.length === 0) return
    refresh()
    for (const { id, kind, reason } of over) {
      publish({ action: 'expired', id, reason: `${kind} by hand is over${because(reason)}` })
    }
  }

  /** Whether that was done to the instance, and why, in words: `by hand: INC-123`. */
  note({ instance }: LiveEndpoint, kind: MarkKind): string | undefined {
    const mark = this.#marks.of(instance.id)?.[kind]
    return mark && `by hand${because(mark.reason)}`
  }

  snapshot(endpoint: LiveEndpoint): ByHandSnapshot | undefined {
    const mark = this.#marks.of(endpoint.instance.id)
    if (!mark) return undefined
    const epoch = this.#context.clock.epoch ?? 0
    const held = ({ until, reason }: { until: number; reason: string | undefined }): HeldSnapshot => ({
      ...(until < Infinity && { until: until + epoch }),
      ...(reason !== undefined && { reason }),
    })
    const { isolated, draining, weight, open } = mark
    const isSuspended = isolated !== undefined && endpoint.isolatedUntil === -Infinity
    return {
      ...(isolated && { isolated: { ...held(isolated), ...(isSuspended && { suspended: true as const }) } }),
      ...(draining && { draining: held(draining) }),
      ...(weight && { weight: { ...held(weight), value: weight.value } }),
      ...(open && { open: held(open) }),
    }
  }

  #say(
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

  #takeBack(action: 'restore' | 'reset', id: string | undefined): void {
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

  /** A typing mistake in an incident must not pass for a measure taken. */
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
    if (this.#isAnyLeft(id)) return
    throw new RangeError(
      `${name}(${quote(id)}) would leave ${this.#context.service} without an instance; { force: true } does it`,
    )
  }

  /** Whether there is an instance to use beside this one. */
  #isAnyLeft(id: string): boolean {
    const { fleet, clock } = this.#context
    const now = clock.now()
    return fleet().endpoints.some(
      (endpoint) => endpoint.instance.id !== id && endpoint.isolatedUntil <= now && !endpoint.isOpen(),
    )
  }

  /** The last instance is taken out by force. Those that were isolated before it stay out, too. */
  #forceIsolated(): void {
    for (const { instance } of this.#context.fleet().endpoints) {
      const isolated = this.#marks.of(instance.id)?.isolated
      if (isolated) this.#marks.set(instance.id, { isolated: { ...isolated, force: true } })
    }
  }
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${oneLine(reason)}`
}

/** Of thousands, the first are enough for who has mistyped one. */
const SHOWN = 20

function namesOf(ids: readonly string[]): string {
  const more = ids.length > SHOWN ? `, and ${ids.length - SHOWN} more` : ''
  return ids.length > 0 ? `${ids.slice(0, SHOWN).map(oneLine).join(', ')}${more}` : 'none'
}
