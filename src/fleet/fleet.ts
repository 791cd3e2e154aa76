import type { Balancer } from '../balance/balancer.ts'
import { EARLY } from '../breaker/breaker.ts'
import type { Transition } from '../breaker/transition.ts'
import { unixTime, type Clock } from '../clock.ts'
import type { OutriggerError } from '../errors.ts'
import type { InstanceCounts, Outcome } from '../observe/events.ts'
import type { Instance } from '../registry/source.ts'
import type { Subset } from '../traffic/subset.ts'
import type { Dispatcher } from '../undici.ts'
import { Attempt, type AttemptContext } from './attempt.ts'
import { attemptEvent } from './attempt-event.ts'
import { Availability } from './availability.ts'
import type { Candidates } from './candidates.ts'
import type { EndpointContext, LiveEndpoint } from './endpoint.ts'
import { needsNewPools, type FleetOptions, type FleetPolicy, type FleetChecker } from './fleet-options.ts'
import { isInstanceGuard, type Guard } from './guard.ts'
import { Outliers } from './outliers.ts'
import { EndpointWarmer } from './endpoint-warmer.ts'
import { Picker, type AcquireRequest } from './picker.ts'
import { FleetEvents } from './fleet-events.ts'
import { makeRefusalError } from './refusal-error.ts'
import { countStates } from './states.ts'
import { tellAmended, tellReported, tellSettled } from './tell-balancer.ts'
import { RetiringEndpoints } from './retiring-endpoints.ts'
import { Roster } from './roster.ts'
import { Views } from './views.ts'

/** The endpoints of one service, reconciled with the source's snapshots. */
export class Fleet implements EndpointContext, AttemptContext {
  readonly clock: Clock
  instanceGuard: Guard | undefined
  /** The error given to `close`. When the pools are destroyed, their requests are rejected with it, and later requests too. */
  closeError: Error | undefined = undefined
  #isClosed = false
  /** The health checker. Undefined without health checks. */
  checker: FleetChecker | undefined = undefined
  /** When a call last requested an endpoint, in ms of the clock. Only kept with health checks or `warm`, which need it. */
  usedAt: number = -Infinity
  /** When the first action by hand expires, in ms of the clock. */
  #manualExpiryAt = Infinity
  /** When the latest attempt with a permit began, in ms of the clock. */
  #attemptAt = -Infinity
  readonly availability: Availability
  readonly #roster: Roster
  readonly #views: Views
  #warmer: EndpointWarmer | undefined
  readonly #retiring: RetiringEndpoints
  #outliers: Outliers | undefined
  #picker: Picker
  readonly #fleetEvents: FleetEvents
  #options: FleetOptions

  constructor(options: FleetOptions) {
    this.clock = options.clock
    this.#options = options
    this.instanceGuard = options.guards.find(isInstanceGuard)
    this.#fleetEvents = new FleetEvents(options.events, () => ({
      service: options.service,
      at: this.unixTime(),
    }))
    this.#outliers = this.#newOutliers()
    this.#warmer = this.#newWarmer()
    this.#roster = new Roster(this)
    this.#views = new Views(options, this.instanceGuard)
    this.availability = new Availability(this.#views, options.clock)
    this.#retiring = new RetiringEndpoints(options.clock)
    this.#picker = new Picker(options.balancer, options.perInstance)
  }

  /**
   * Uses another policy from now on. Endpoints keep their loads and breakers. Attempts under way settle with the guard they
   * began with. With another `makePool`, each endpoint makes a new pool for its next request.
   */
  reconfigure(policy: FleetPolicy): void {
    const before = this.#options
    this.#options = { ...before, ...policy }
    this.instanceGuard = policy.guards.find(isInstanceGuard)
    if (policy.warmUp !== before.warmUp) {
      this.#warmer?.stop()
      this.#warmer = this.#newWarmer()
    }
    if (policy.outliers !== before.outliers) this.#outliers = this.#newOutliers()
    this.#views.reconfigure(this.#options, this.instanceGuard)
    this.#picker = new Picker(policy.balancer, policy.perInstance)
    for (const endpoint of this.#roster.all) {
      endpoint.setBreakerPolicies(policy.guards)
      if (needsNewPools(before, policy)) endpoint.renewPool()
    }
    this.invalidate()
  }

  #newWarmer(): EndpointWarmer | undefined {
    const { warmUp } = this.#options
    return warmUp && new EndpointWarmer(warmUp, () => this.invalidate())
  }

  #newOutliers(): Outliers | undefined {
    const { outliers } = this.#options
    return (
      outliers &&
      new Outliers(outliers, this.clock.now(), (...ejection) => this.#fleetEvents.emitEjected(...ejection))
    )
  }

  get balancer(): Balancer {
    return this.#options.balancer
  }

  get policy(): FleetPolicy {
    return this.#options
  }

  get perInstance(): number {
    return this.#options.perInstance
  }

  get endpoints(): readonly LiveEndpoint[] {
    return this.#roster.all
  }

  #noteUse(now: number): void {
    this.usedAt = now
    if (this.checker?.isAsleep === true) this.checker.wake()
  }

  /** Called after a health check. `to` is the new state, if it has changed and must be published. */
  onHealthCheck(endpoint: LiveEndpoint, to: 'healthy' | 'unhealthy' | undefined): void {
    this.invalidate()
    if (to && !endpoint.removed) this.#fleetEvents.emitHealth(endpoint, to, this.clock.now())
  }

  now(): number {
    return this.clock.now()
  }

  unixTime(): number {
    return unixTime(this.clock)
  }

  makePool(instance: Instance): Dispatcher {
    return this.#options.makePool(instance)
  }

  /** Acquires an attempt. Returns undefined if no endpoint is available. Throws only if the user's balancer does. */
  acquire(request: AcquireRequest, guard: Guard | undefined): Attempt | undefined {
    const now = this.clock.now()
    if (now >= this.#manualExpiryAt) this.#options.hand?.expire()
    if (this.checker || this.#warmer) this.#noteUse(now)
    const view = this.#views.viewOf(request.subset)
    const candidates = view.candidatesOf(guard)
    request.now = now
    request.all = view.all
    for (;;) {
      const list = candidates.list(view.all, now)
      const early = candidates.lastResort?.pick(list, candidates.blocked, request, this.#attemptAt)
      const endpoint = early ?? this.#picker.pick(list, view.all, request, guard)
      if (!endpoint) return undefined
      const attempt = guard && this.#tryPermits(endpoint, request, guard, early !== undefined)
      if (attempt) {
        this.#attemptAt = now
        if (early) candidates.lastResort?.probes.noteBegin(now)
        return attempt
      }
      if (!guard || candidates.panic) return new Attempt(endpoint, request, guard, 0, 0, this)
      // A user's balancer may pick an endpoint that is not in the list. It would pick the same one each time, in an
      // endless loop.
      if (!list.includes(endpoint)) return undefined
      candidates.invalidate()
    }
  }

  /** True if calls of this endpoint may go to another one. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard): boolean {
    return this.#views.hasStandIn(endpoint, guard, this.clock.now())
  }

  /** Returns the error that says why `acquire` returned undefined. `cause` is the last error of the source. */
  makeRefusal(
    guard: Guard | undefined,
    cause: unknown,
    route: string | undefined,
    subset: Subset | undefined,
  ): OutriggerError {
    const { service, perInstance } = this.#options
    const { all: endpoints } = this.#views.viewOf(subset)
    const { dueAt } = this.#candidatesOf({ subset, guard })
    const [now, known] = [this.clock.now(), this.#roster.all.length]
    return makeRefusalError({
      service,
      route,
      guard,
      cause,
      now,
      dueAt,
      perInstance,
      endpoints,
      known,
      subset,
    })
  }

  /** Applies a complete snapshot. Instances must be valid and ids distinct. Does nothing after `close`. */
  apply(instances: readonly Instance[]): void {
    if (!this.#isClosed) this.#apply(instances)
  }

  #apply(instances: readonly Instance[]): void {
    const { added, changed, removed } = this.#roster.apply(instances)
    const { all } = this.#roster
    this.checker?.applied()
    this.#warmer?.warm(added, all, this.clock.now(), this.usedAt)
    this.#views.apply(all)
    this.#manualExpiryAt = this.#options.hand?.applyTo(all, this.clock.now()) ?? Infinity
    this.invalidate()
    for (const endpoint of removed) this.#retiring.add(endpoint, this.#options.drainTimeout)
    this.#fleetEvents.emitSnapshot(added, changed, removed)
  }

  /** Removes all endpoints. Resolves when all pools are destroyed, those of endpoints removed earlier too. */
  async close(error?: Error): Promise<void> {
    this.closeError = error
    this.#isClosed = true
    this.#apply([])
    await this.#retiring.whenEnded()
  }

  invalidate(): void {
    this.#views.invalidate()
  }

  onTransition(endpoint: LiveEndpoint, guard: Guard, transition: Transition): void {
    this.invalidate()
    if (transition.to === 'open') this.checker?.rearm()
    if (!endpoint.removed)
      this.#fleetEvents.emitTransition(endpoint, guard, transition, () => this.countStates(guard))
  }

  /** Counts the endpoints by state. */
  countStates(guard: Guard | undefined): InstanceCounts {
    return countStates(this.#roster.all, guard, this.clock.now(), this.#options.perInstance)
  }

  onSettled(attempt: Attempt, counted: Outcome, ms: number): void {
    const { endpoint, verdict } = attempt
    const { balancer, events, service } = this.#options
    const now = attempt.startedAt + ms
    if (attempt.early) this.#candidatesOf(attempt).lastResort?.count(counted, ms, now)
    // The attempt may have been a probe. If so, its slot is free again, and its endpoint may be picked.
    else if (!endpoint.allBreakersClosed()) this.invalidate()
    tellSettled(balancer, endpoint, counted, ms, now, attempt.status)
    this.#outliers?.onSettled(endpoint, counted, ms, now, this.#roster.all)
    if (attempt.retryAfter > 0 && endpoint.penalisedUntil > now) {
      this.#fleetEvents.emitPaused(attempt, endpoint.penalisedUntil - now)
    }
    if (!verdict) return
    const { watchers } = events
    if (watchers) {
      const { instance } = endpoint
      for (const each of watchers) each.attempt(service, attempt.route, instance, verdict.outcome, ms)
    }
    if (!events.has('attempt') && !attempt.trail?.isTraced) return
    const event = attemptEvent(attempt, verdict, ms, service, this.unixTime())
    events.emit('attempt', event)
    attempt.trail?.ended(event)
  }

  onAmended(attempt: Attempt): void {
    if (attempt.early) this.#candidatesOf(attempt).lastResort?.amend()
    const ms = attempt.age()
    tellAmended(this.#options.balancer, attempt.endpoint, ms, attempt.startedAt + ms)
  }

  onLoadReport(attempt: Attempt, header: string | string[]): void {
    tellReported(this.#options.balancer, attempt.endpoint, header, this.clock.now())
  }

  #candidatesOf({ subset, guard }: Pick<Attempt, 'subset' | 'guard'>): Candidates {
    return this.#views.viewOf(subset).candidatesOf(guard)
  }

  /** Returns an attempt with its permits, or undefined if a breaker refuses. An early probe is never refused. */
  #tryPermits(
    endpoint: LiveEndpoint,
    request: AcquireRequest,
    guard: Guard,
    early: boolean,
  ): Attempt | undefined {
    const { now } = request
    const otherwise = early ? EARLY : 0
    const own = endpoint.breaker(guard).tryAcquire(now) || otherwise
    if (own === 0) return undefined
    const { instanceGuard } = this
    if (!instanceGuard || isInstanceGuard(guard)) return new Attempt(endpoint, request, guard, own, 0, this)
    const instance = endpoint.breaker(instanceGuard).tryAcquire(now) || otherwise
    if (instance !== 0) return new Attempt(endpoint, request, guard, own, instance, this)
    endpoint.breaker(guard).settle(own, 'ignored', 0, now)
    return undefined
  }
}
