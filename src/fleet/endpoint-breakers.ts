import type { Breaker } from '../breaker/breaker.ts'
import { isInstanceGuard, type Guard } from './guard.ts'

/**
 * The breakers in front of one endpoint: the instance's breaker, and one for each route with breaker options. Each is made when
 * it is first needed. This is a base class and not a member, because a pick among thousands of endpoints is slower for each
 * object that must be read from memory.
 */
export abstract class EndpointBreakers {
  /** The breaker with index 0: the instance's. Most endpoints have only this one. */
  #first: Breaker | undefined
  /** The breakers of routes, by the index of their guard. */
  #others: (Breaker | undefined)[] | undefined

  /** The guard of the instance's own breaker, or undefined when the client has none. */
  protected abstract readonly instanceGuard: Guard | undefined
  protected abstract makeBreaker(guard: Guard): Breaker

  breaker(guard: Guard): Breaker {
    if (guard.index === 0) return (this.#first ??= this.makeBreaker(guard))
    return ((this.#others ??= [])[guard.index] ??= this.makeBreaker(guard))
  }

  /** Returns the breaker with this index, if it was made. */
  breakerAt(index: number): Breaker | undefined {
    return index === 0 ? this.#first : this.#others?.[index]
  }

  /** All breakers that were made. */
  protected get breakers(): Breaker[] {
    return [this.#first, ...(this.#others ?? [])].filter((breaker) => breaker !== undefined)
  }

  /**
   * Returns when both breakers of `guard`, the route's and the instance's, may admit an attempt, in ms of the clock.
   * `now` if they do.
   */
  protected breakersAdmitAt(guard: Guard, now: number): number {
    const own = isInstanceGuard(guard) ? now : admitsAt(this.breakerAt(guard.index), now)
    const { instanceGuard } = this
    return Math.max(own, instanceGuard ? admitsAt(this.breakerAt(instanceGuard.index), now) : now)
  }

  /** True if both breakers of `guard`, the route's and the instance's, may be passed by an early probe. */
  protected breakersAdmitEarly(guard: Guard): boolean {
    const { instanceGuard } = this
    const own = this.breakerAt(guard.index)?.admitsEarly ?? true
    return own && (!instanceGuard || (this.breakerAt(instanceGuard.index)?.admitsEarly ?? true))
  }

  /** True if the breaker that blocks `guard` is half-open: the route's if it is not closed, otherwise the instance's. */
  isProbing(guard: Guard | undefined): boolean {
    const own = guard && this.breakerAt(guard.index)
    const breaker = own && own.state !== 'closed' ? own : this.#first
    return breaker?.state === 'half-open'
  }

  /** True if all breakers are closed, or were never made. */
  allBreakersClosed(): boolean {
    if (!isClosed(this.#first)) return false
    return this.#others === undefined || this.#others.every(isClosed)
  }

  /** True if the instance's breaker is closed, or was never made. */
  isInstanceBreakerClosed(): boolean {
    return isClosed(this.#first)
  }

  /** When the instance's breaker may have its first probe, in ms of the clock. Undefined while it needs none. */
  get probeAt(): number | undefined {
    return this.#first?.probeAt
  }

  /** Called when a health check that replaced this probe has failed. */
  probeFailed(now: number): void {
    this.#first?.probeFailed(now)
  }

  /**
   * Returns the fraction of its usual traffic that the endpoint should get now, 0 to 1. Below 1 after its breaker has
   * closed (slow start).
   */
  share(now: number): number {
    return this.#first?.share(now) ?? 1
  }

  /** Opens the instance's breaker for `ms` milliseconds, because the endpoint is an outlier. */
  eject(now: number, ms: number): void {
    const { instanceGuard } = this
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'outlier')
  }

  /** Opens the instance's breaker for `ms` milliseconds, by hand. */
  openByHand(now: number, ms: number): void {
    const { instanceGuard } = this
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'by-hand')
  }

  /** Gives the breakers new policies, by the index of the guards. Breakers without a guard keep theirs. */
  setBreakerPolicies(guards: readonly (Guard | undefined)[]): void {
    for (const guard of guards) if (guard) this.breakerAt(guard.index)?.adopt(guard.policy)
  }
}

function isClosed(breaker: Breaker | undefined): boolean {
  return breaker === undefined || breaker.state === 'closed'
}

function admitsAt(breaker: Breaker | undefined, now: number): number {
  return !breaker || breaker.admits(now) ? now : breaker.nextAdmit(now)
}
