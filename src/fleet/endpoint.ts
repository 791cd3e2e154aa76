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

/** The part of the fleet that an endpoint uses. */
export interface EndpointContext {
  readonly clock: Clock
  /** The guard of the instance's breaker. Undefined if the client has no breaker. */
  readonly instanceGuard: Guard | undefined
  makePool(instance: Instance): Dispatcher
  /** The error for requests of a closed client. Undefined while it is open, or if `close` got none. */
  readonly closeError: Error | undefined
  /** Called when the candidates may have changed. */
  invalidate(): void
  /** True if calls of this endpoint may go to another one. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard): boolean
  onTransition(endpoint: LiveEndpoint, guard: Guard, transition: Transition): void
}

/** An instance with its pool, load, failures and breakers. */
export class LiveEndpoint extends EndpointBreakers implements Endpoint {
  inFlight = 0
  pending = 0
  weight = 1
  /** True if the source does not list it any more. It is never picked again. */
  removed = false
  readonly #context: EndpointContext
  #succeeded = 0
  #failed = 0
  #overloaded = 0
  #ignored = 0
  /** The sum of the start times of pending attempts, in ms. It gives their mean age without a list. */
  #startSum = 0
  /** The mean duration of recent successes in ms. Each new one has a weight of a tenth. */
  latency: number | undefined = undefined
  #onAttemptsEnd: (() => void) | undefined
  /** Made with the first request. Most endpoints of a large fleet never get one. */
  #pools: EndpointPools | undefined
  #instance: Instance
  /** The end of the pause that the server asked for, in ms of the clock. */
  penalisedUntil = 0
  /** When the latest success ended, in ms of the clock. */
  succeededAt: number = -Infinity
  /** Made with the first failure. */
  #failures: Failures | undefined
  /** Isolated by hand until then, in ms of the clock: never picked. */
  isolatedUntil: number = -Infinity
  /** Drained by hand until then, in ms of the clock: picked only if no better endpoint is available. */
  drainedUntil: number = -Infinity
  /** The results of health checks. Undefined without any. */
  health: Health | undefined = undefined
  /** Its first connections are opened until then, in ms of the clock: picked only if no better endpoint is available. */
  warmingUntil: number = -Infinity
  /** The number of the last snapshot that listed this endpoint. */
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

  /**
   * Sets a new description of the same instance. If it has registered again, or more than its weight has changed, it may be a
   * new process. Then its pause ends, and its open breakers admit a probe now.
   */
  set instance(instance: Instance) {
    const { weight: _weight, ...before } = this.#instance
    const { weight: _newWeight, ...after } = instance
    if (!isDeepStrictEqual(before, after) || isRegisteredAnew(instance, this.#instance)) this.#probeNow()
    this.#instance = instance
    this.weight = instance.weight || 1
  }

  /** The number of settled attempts by outcome. */
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

  /**
   * Returns the pool to send a request on, and makes it if needed. After `destroyPools`, it is one that refuses all
   * requests.
   */
  getPool(): Dispatcher {
    return this.#getOrMakePools().getOrMake()
  }

  /** The number of requests that wait in the pool for a free connection. */
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

  get lastFailure(): Failure | undefined {
    return this.#failures?.latest
  }

  noteFailure(failure: Failure): void {
    this.#getOrMakeFailures().latest = failure
  }

  /** True if a failure now, of an attempt that began at `startedAt`, begins a new incident. See {@link Failures}. */
  isNewIncident(startedAt: number, now: number, spreads: boolean): boolean {
    return this.#getOrMakeFailures().isNewIncident(startedAt, now, spreads)
  }

  #getOrMakeFailures(): Failures {
    return (this.#failures ??= new Failures())
  }

  noteRelease(): void {
    if (--this.inFlight === 0) this.#onAttemptsEnd?.()
  }

  /**
   * Counts a result. Returns false for a 429 while few requests get one: then its pause concerns one requester, not the
   * instance.
   */
  countAndTrustPause(outcome: Outcome, status: number | undefined): boolean {
    if (status === 429) return this.#getOrMakeFailures().countRefusal()
    if (outcome === 'success') this.#failures?.countSuccess()
    return true
  }

  /** Avoids the endpoint until then, in ms of the clock, as its server asked. */
  pauseUntil(until: number): void {
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
      // A health check says nothing about a route, so it does not hold a route's breaker.
      isInstanceGuard(guard) ? (probeAt) => this.health?.heldUntil(probeAt) ?? probeAt : undefined,
    )
  }

  /** True if an early probe may pass the breakers of `guard`. */
  admitsEarly(guard: Guard, now: number): boolean {
    if (this.isolatedUntil > now) return false
    return this.breakersAdmitEarly(guard)
  }

  /** Ends the pause, and lets open breakers admit a probe now. */
  #probeNow(): void {
    const now = this.#context.clock.now()
    this.penalisedUntil = Math.min(this.penalisedUntil, now)
    for (const breaker of this.breakers) breaker.probeNow(now)
  }

  /** Returns when the breakers of `guard` may admit an attempt, in ms of the clock. `now` if they do. */
  admitsAt(guard: Guard | undefined, now: number): number {
    if (this.isolatedUntil > now) return this.isolatedUntil
    return guard ? this.breakersAdmitAt(guard, now) : now
  }

  /** True if health checks have failed: it is picked only if no better endpoint is available. */
  get isUnhealthy(): boolean {
    return this.health?.isOut === true
  }

  /** Uses another pool from now on. Requests that are under way end in the old one. */
  renewPool(): void {
    this.#pools?.renew()
  }

  /** Resets all breakers, and ends a pause. */
  reset(): void {
    for (const breaker of this.breakers) breaker.reset()
    this.penalisedUntil = 0
    this.#context.invalidate()
  }

  /** Resolves when no attempt is in flight. If it is called a second time, the first promise stays pending. */
  async whenAttemptsEnd(): Promise<void> {
    if (this.inFlight > 0) await new Promise<void>((resolve) => (this.#onAttemptsEnd = resolve))
  }

  /** Destroys the pools, with the requests that are under way in them. Later requests are rejected with the reason. */
  async destroyPools(): Promise<void> {
    const { id, url } = this.instance
    const name = oneLine(`${id} (${url})`)
    await this.#getOrMakePools().destroy(
      this.#context.closeError ??
        new Error(`${name} is no longer in the registry, and its drain time is over`),
    )
  }

  #getOrMakePools(): EndpointPools {
    return (this.#pools ??= new EndpointPools(() => this.#context.makePool(this.#instance)))
  }
}
