import { isDeepStrictEqual } from 'node:util'
import type { Endpoint } from '../balance/balancer.ts'
import { Breaker } from '../breaker/breaker.ts'
import type { Transition } from '../breaker/transition.ts'
import type { Clock } from '../clock.ts'
import type { Outcome } from '../observe/events.ts'
import { oneLine } from '../quote.ts'
import { isRegisteredAnew } from '../registry/registration.ts'
import type { Instance } from '../registry/source.ts'
import type { Dispatcher } from '../undici.ts'
import type { Health } from '../health/health.ts'
import { countQueued } from './count-queued.ts'
import { Failures, type Failure } from './failures.ts'
import { EndpointBreakers } from './endpoint-breakers.ts'
import { isInstanceGuard, type Guard } from './guard.ts'
import { EndpointPools } from './pools.ts'

/** What an endpoint needs of its fleet. */
export interface EndpointContext {
  readonly clock: Clock
  /** The guard of the instance's own breaker, or undefined when the client has none. */
  readonly instanceGuard: Guard | undefined
  makePool(instance: Instance): Dispatcher
  /** Why the client is closed. */
  readonly closeReason: Error | undefined
  /** Who may be picked has changed. */
  invalidate(): void
  /** Whether anybody else may be picked. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard): boolean
  onTransition(endpoint: LiveEndpoint, guard: Guard, transition: Transition): void
}

/** An instance made live: its pool, its load, its failures and its breakers. */
export class LiveEndpoint extends EndpointBreakers implements Endpoint {
  inFlight = 0
  pending = 0
  weight = 1
  /** No longer in the registry: never picked again. */
  removed = false
  readonly #context: EndpointContext
  #succeeded = 0
  #failed = 0
  #overloaded = 0
  #ignored = 0
  /** Sum of the pending attempts' start times: their mean age without a list of them. */
  #startSum = 0
  /** Mean of the recent successes in ms, each new one weighing a tenth. */
  latency: number | undefined = undefined
  #onAttemptsEnd: (() => void) | undefined
  /** Made with the first request: most instances of a large fleet have none yet. */
  #pools: EndpointPools | undefined
  #instance: Instance
  /** The clock's time until which a Retry-After asks us to stay away. */
  penalisedUntil = 0
  /** The clock's time of the latest success. */
  succeededAt: number = -Infinity
  /** Made with the first failure. */
  #failures: Failures | undefined
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
    super()
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

  /** The pool that a request is to be sent on; made with the first. Once the endpoint has ended, one that sends nothing. */
  getPool(): Dispatcher {
    return this.#getOrMakePools().getOrMake()
  }

  /** Requests that wait in its pool for a connection to come free. */
  get queued(): number {
    const pool = this.#pools?.ifMade
    return pool ? countQueued(pool) : 0
  }

  noteStart(at: number): void {
    this.inFlight++
    this.pending++
    this.#startSum += at
  }

  noteAnswer(startedAt: number): void {
    this.pending--
    this.#startSum = this.pending === 0 ? 0 : this.#startSum - startedAt
  }

  noteSuccess(ms: number, now: number): void {
    this.succeededAt = now
    this.latency = this.latency === undefined ? ms : this.latency + (ms - this.latency) / 10
  }

  /** What it failed with last. */
  get lastFailure(): Failure | undefined {
    return this.#failures?.latest
  }

  noteFailure(failure: Failure): void {
    this.#getOrMakeFailures().latest = failure
  }

  /** Whether an attempt begun at `startedAt` that fails now is an incident of its own; see {@link Failures}. */
  isNewIncident(startedAt: number, now: number, spreads: boolean): boolean {
    return this.#getOrMakeFailures().isNewIncident(startedAt, now, spreads)
  }

  #getOrMakeFailures(): Failures {
    return (this.#failures ??= new Failures())
  }

  noteRelease(): void {
    if (--this.inFlight === 0) this.#onAttemptsEnd?.()
  }

  /** Counts how an attempt ended. False: the pause that its answer asks for is one requester's (a 429 that few get), and not to be believed of the instance. */
  countAndTrustPause(outcome: Outcome, status: number | undefined): boolean {
    if (status === 429) return this.#getOrMakeFailures().countRefusal()
    if (outcome === 'success') this.#failures?.countSuccess()
    return true
  }

  /** Stays out of the way of others until `until`, as its Retry-After asked. */
  penalise(until: number): void {
    if (until <= this.penalisedUntil) return
    this.penalisedUntil = until
    this.#context.invalidate()
  }

  protected get instanceGuard(): Guard | undefined {
    return this.#context.instanceGuard
  }

  protected makeBreaker(guard: Guard): Breaker {
    return new Breaker(
      guard.policy,
      this.#context.clock,
      (transition) => this.#context.onTransition(this, guard, transition),
      () => this.#context.hasStandIn(this, guard),
      // A check of the instance says nothing about one route.
      isInstanceGuard(guard) ? (probeAt) => this.health?.heldUntil(probeAt) ?? probeAt : undefined,
    )
  }

  /** Whether an attempt may pass every breaker in the way of `guard` before its time, as a last resort. */
  admitsEarly(guard: Guard, now: number): boolean {
    if (this.isolatedUntil > now) return false
    return this.breakersAdmitEarly(guard)
  }

  #probeNow(): void {
    const now = this.#context.clock.now()
    this.penalisedUntil = Math.min(this.penalisedUntil, now)
    for (const breaker of this.breakers) breaker.probeNow(now)
  }

  /** When every breaker in the way of `guard` may admit an attempt: `now` or earlier if they do already. */
  admitsAt(guard: Guard | undefined, now: number): number {
    if (this.isolatedUntil > now) return this.isolatedUntil
    return guard ? this.breakersAdmitAt(guard, now) : now
  }

  /** Whether its health checks have failed: it is picked only when nobody better is there. */
  get isUnhealthy(): boolean {
    return this.health?.isOut === true
  }

  /** Another pool from now on; what is under way finishes in the old one. */
  renewPool(): void {
    this.#pools?.renew()
  }

  /** Every breaker closed and as good as new, and no pause that anybody asked for. */
  reset(): void {
    for (const breaker of this.breakers) breaker.reset()
    this.penalisedUntil = 0
    this.#context.invalidate()
  }

  /** Resolves when the last attempt has ended. For one caller: a second one takes the place of the first. */
  async whenAttemptsEnd(): Promise<void> {
    if (this.inFlight > 0) await new Promise<void>((resolve) => (this.#onAttemptsEnd = resolve))
  }

  /** Ends its pools, and whatever is under way in there. Who sends later is told the reason. */
  async destroyPools(): Promise<void> {
    const { id, url } = this.instance
    const name = oneLine(`${id} (${url})`)
    await this.#getOrMakePools().destroy(
      this.#context.closeReason ??
        new Error(`${name} is no longer in the registry, and its drain time is over`),
    )
  }

  #getOrMakePools(): EndpointPools {
    return (this.#pools ??= new EndpointPools(() => this.#context.makePool(this.#instance)))
  }
}
