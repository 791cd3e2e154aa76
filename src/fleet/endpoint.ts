import { isDeepStrictEqual } from 'node:util'
import type { Endpoint } from '../balance/balancer.ts'
import { Refusals } from '../balance/refusals.ts'
import { Breaker } from '../breaker/breaker.ts'
import type { Transition } from '../breaker/transition.ts'
import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import { quote } from '../options.ts'
import { isRegisteredAnew } from '../registry/registration.ts'
import type { Instance } from '../registry/source.ts'
import type { Dispatcher } from '../undici.ts'
import type { Health } from '../health/health.ts'
import { queuedIn } from './queued.ts'
import { isSameIncident, type Incident } from '../verdict/incident.ts'
import { isInstanceGuard, type Guard } from './guard.ts'

/** What an endpoint needs of its fleet. */
export interface EndpointContext {
  readonly clock: Clock
  /** The guard of the instance's own breaker, or undefined when the client has none. */
  readonly instanceGuard: Guard | undefined
  connect(instance: Instance): Dispatcher
  /** Why the client is closed. */
  readonly closed: Error | undefined
  /** Who may be picked has changed. */
  invalidate(): void
  /** Whether anybody else may be picked. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard): boolean
  transitioned(endpoint: LiveEndpoint, guard: Guard, transition: Transition): void
}

/**
 * An instance made live: its pool, its load and its breakers. What every attempt touches lies in this one object:
 * among thousands of endpoints, a pick waits for each further one to come from memory.
 */
export class LiveEndpoint implements Endpoint {
  inFlight = 0
  pending = 0
  weight = 1
  /** No longer in the registry: never picked again. */
  removed = false
  /** The breaker of the first guard, most often the only one. */
  #breaker: Breaker | undefined
  readonly #context: EndpointContext
  #succeeded = 0
  #failed = 0
  #overloaded = 0
  #ignored = 0
  /** Sum of the pending attempts' start times: their mean age without a list of them. */
  #startSum = 0
  /** Mean of the recent successes in ms, each new one weighing a tenth. */
  latency: number | undefined = undefined
  #onIdle: (() => void) | undefined
  #pool: Dispatcher | undefined
  #instance: Instance
  /** Those of further guards, by index. */
  #others: (Breaker | undefined)[] | undefined
  /** The clock's time until which a Retry-After asks us to stay away. */
  penalisedUntil = 0
  /** The clock's time of the latest success. */
  succeededAt: number = -Infinity
  /** The latest incident. */
  #incident: Incident | undefined
  /** What it failed with last; `at` by the clock. */
  lastFailure:
    { readonly at: number; readonly status: number | undefined; readonly error: unknown } | undefined
  /** Made with the first 429. */
  #refusals: Refusals | undefined
  /** Not picked before this time, by the clock: taken out by hand. */
  isolatedUntil: number = -Infinity
  /** Picked only when nobody else is there before this time, by the clock: by hand. */
  drainedUntil: number = -Infinity
  /** What health checks have shown; undefined without any. */
  health: Health | undefined = undefined
  /** New, and picked only when nobody better is there before this time, by the clock: its connections are being opened. */
  warmingUntil: number = -Infinity
  /** The last snapshot this endpoint was part of. */
  revision = 0

  constructor(instance: Instance, context: EndpointContext) {
    this.#context = context
    this.#instance = instance
    this.weight = instance.weight || 1
  }

  get instance(): Instance {
    return this.#instance
  }

  /** The same instance, described anew: if anything but its weight changed, or its lease, it has registered again. */
  set instance(instance: Instance) {
    const { weight: _weight, ...before } = this.#instance
    const { weight: _newWeight, ...after } = instance
    if (!isDeepStrictEqual(before, after) || isRegisteredAnew(instance, this.#instance)) this.#probeNow()
    this.#instance = instance
    this.weight = instance.weight || 1
  }

  /** Attempts by outcome. */
  get settled(): Record<Outcome, number> {
    return {
      success: this.#succeeded,
      failure: this.#failed,
      overload: this.#overloaded,
      ignored: this.#ignored,
    }
  }

  count(outcome: Outcome, by: 1 | -1 = 1): void {
    if (outcome === 'success') this.#succeeded += by
    else if (outcome === 'failure') this.#failed += by
    else if (outcome === 'overload') this.#overloaded += by
    else this.#ignored += by
  }

  pendingAge(now: number): number {
    return this.pending === 0 ? 0 : now - this.#startSum / this.pending
  }

  /** The undici pool, connected on first use. */
  get pool(): Dispatcher {
    return (this.#pool ??= this.#context.connect(this.instance))
  }

  /** Requests that wait in its pool for a connection to come free. */
  get queued(): number {
    return this.#pool ? queuedIn(this.#pool) : 0
  }

  started(at: number): void {
    this.inFlight++
    this.pending++
    this.#startSum += at
  }

  answered(startedAt: number): void {
    this.pending--
    this.#startSum = this.pending === 0 ? 0 : this.#startSum - startedAt
  }

  succeeded(ms: number, now: number): void {
    this.succeededAt = now
    this.latency = this.latency === undefined ? ms : this.latency + (ms - this.latency) / 10
  }

  /**
   * Whether an attempt begun at `startedAt` that fails now is an incident of its own. `spreads`: as connections that break
   * one after the other.
   */
  isNewIncident(startedAt: number, now: number, spreads: boolean): boolean {
    const incident = this.#incident
    if (incident && isSameIncident(incident, startedAt, now, spreads)) {
      incident.lastAt = now
      return false
    }
    this.#incident = { firstAt: now, lastAt: now }
    return true
  }

  released(): void {
    if (--this.inFlight === 0) this.#onIdle?.()
  }

  /** Counts an answer; false when the pause it may ask for is one requester's, and not the instance's. */
  isHeeded(outcome: Outcome, status: number | undefined): boolean {
    if (status === 429) return (this.#refusals ??= new Refusals()).count(true)
    if (outcome === 'success') this.#refusals?.count(false)
    return true
  }

  /** Stays out of the way of others until `until`, as its Retry-After asked. */
  penalise(until: number): void {
    if (until <= this.penalisedUntil) return
    this.penalisedUntil = until
    this.#context.invalidate()
  }

  /** The breaker of one guard, made when it is first needed. */
  breaker(guard: Guard): Breaker {
    if (guard.index === 0) return (this.#breaker ??= this.#makeBreaker(guard))
    return ((this.#others ??= [])[guard.index] ??= this.#makeBreaker(guard))
  }

  /** The same, if it was made. */
  breakerAt(index: number): Breaker | undefined {
    return index === 0 ? this.#breaker : this.#others?.[index]
  }

  #makeBreaker(guard: Guard): Breaker {
    return new Breaker(
      guard.policy,
      this.#context.clock,
      (transition) => this.#context.transitioned(this, guard, transition),
      () => this.#context.hasStandIn(this, guard),
      // A check of the instance says nothing about one route.
      isInstanceGuard(guard) ? (probeAt) => this.health?.heldUntil(probeAt) ?? probeAt : undefined,
    )
  }

  /** Whether an attempt may pass every breaker in the way of `guard` before its time, as a last resort. */
  admitsEarly(guard: Guard, now: number): boolean {
    if (this.isolatedUntil > now) return false
    const { instanceGuard } = this.#context
    const own = this.breakerAt(guard.index)?.admitsEarly(now) ?? true
    return own && (!instanceGuard || (this.breakerAt(instanceGuard.index)?.admitsEarly(now) ?? true))
  }

  #probeNow(): void {
    const now = this.#context.clock.now()
    this.penalisedUntil = Math.min(this.penalisedUntil, now)
    for (const breaker of [this.#breaker, ...(this.#others ?? [])]) breaker?.probeNow(now)
  }

  /** When every breaker in the way of `guard` may admit an attempt: `now` or earlier if they do already. */
  admitsAt(guard: Guard | undefined, now: number): number {
    if (this.isolatedUntil > now) return this.isolatedUntil
    if (!guard) return now
    const own = isInstanceGuard(guard) ? now : admitsAt(this.breakerAt(guard.index), now)
    const { instanceGuard } = this.#context
    return Math.max(own, instanceGuard ? admitsAt(this.breakerAt(instanceGuard.index), now) : now)
  }

  /** Whether its health checks have failed: it is picked only when nobody better is there. */
  get isUnhealthy(): boolean {
    return this.health?.isOut === true
  }

  /** When the instance's own breaker is due for its first probe; undefined while it waits for none. */
  get probeAt(): number | undefined {
    return this.#breaker?.probeAt
  }

  /** A health check in the place of that probe failed. */
  probeFailed(now: number): void {
    this.#breaker?.probeFailed(now)
  }

  /** Whether it is half-open, its probes under way. */
  isProbing(guard: Guard | undefined): boolean {
    const own = guard && this.breakerAt(guard.index)
    const breaker = own && own.state !== 'closed' ? own : this.#breaker
    return breaker?.state === 'half-open'
  }

  /** Whether none of its breakers is in the way of anything. */
  allClosed(): boolean {
    if (isOpen(this.#breaker)) return false
    return this.#others === undefined || !this.#others.some(isOpen)
  }

  /** Whether the instance's own breaker is not closed. */
  isOpen(): boolean {
    return isOpen(this.#breaker)
  }

  /** Takes it out as an outlier: to selection and events, its breaker opened. */
  eject(now: number, ms: number): void {
    const { instanceGuard } = this.#context
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'outlier')
  }

  /** New policies for its breakers, by index; those without one stay as they are. */
  adopt(guards: readonly (Guard | undefined)[]): void {
    for (const guard of guards) if (guard) this.breakerAt(guard.index)?.adopt(guard.policy)
  }

  /** Another pool from now on; what is under way finishes in the old one. */
  renewPool(): void {
    const old = this.#pool
    this.#pool = undefined
    old?.close().catch(() => {})
  }

  /** Opens its breaker by hand. */
  open(now: number, ms: number): void {
    const { instanceGuard } = this.#context
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'by-hand')
  }

  /** Every breaker closed and as good as new, and no pause that anybody asked for. */
  reset(): void {
    for (const breaker of [this.#breaker, ...(this.#others ?? [])]) breaker?.reset()
    this.penalisedUntil = 0
    this.#context.invalidate()
  }

  /** Slow start: the share of its traffic the endpoint should get now, 0 to 1. */
  share(now: number): number {
    return this.#breaker?.share(now) ?? 1
  }

  /** Resolves when the last attempt has ended and the pool is closed, or destroyed after `deadline()`. */
  async retire(deadline: () => Promise<void>): Promise<void> {
    this.removed = true
    if (this.inFlight > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
      await Promise.race([idle, deadline()])
    }
    // Not `close()`: it would wait for connections that nobody wants any more to be made, or refused.
    const { closed } = this.#context
    const reason = closed ?? new Error(`${this.instance.id} left the registry and its drain time is over`)
    try {
      await this.#pool?.destroy(reason)
    } catch (error) {
      // A transport of the user's own: the instance is gone all the same.
      process.emitWarning(`destroy() of the transport threw ${quote(error)}`, { code: 'OUTRIGGER_TRANSPORT' })
    }
  }
}

function isOpen(breaker: Breaker | undefined): boolean {
  return breaker !== undefined && breaker.state !== 'closed'
}

function admitsAt(breaker: Breaker | undefined, now: number): number {
  return !breaker || breaker.admits(now) ? now : breaker.nextAdmit(now)
}
