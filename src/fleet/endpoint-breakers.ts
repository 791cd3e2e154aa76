import type { Breaker } from '../breaker/breaker.ts'
import { isInstanceGuard, type Guard } from './guard.ts'

/**
 * The breakers in front of one endpoint: the instance's own, and one for each route that has a breaker of its own. Each is made
 * when it is first needed. A base class and not a member: what every attempt touches lies in one object, because a pick among
 * thousands of endpoints waits for each further object to come from memory.
 */
export abstract class EndpointBreakers {
  /** The breaker of the first guard, most often the only one. */
  #first: Breaker | undefined
  /** Those of further guards, by index. */
  #others: (Breaker | undefined)[] | undefined

  /** The guard of the instance's own breaker, or undefined when the client has none. */
  protected abstract readonly instanceGuard: Guard | undefined
  protected abstract makeBreaker(guard: Guard): Breaker

  breaker(guard: Guard): Breaker {
    if (guard.index === 0) return (this.#first ??= this.makeBreaker(guard))
    return ((this.#others ??= [])[guard.index] ??= this.makeBreaker(guard))
  }

  /** The breaker of the guard with this index, if it was made. */
  breakerAt(index: number): Breaker | undefined {
    return index === 0 ? this.#first : this.#others?.[index]
  }

  /** Every breaker that was made. */
  protected get breakers(): Breaker[] {
    return [this.#first, ...(this.#others ?? [])].filter((breaker) => breaker !== undefined)
  }

  /** When every breaker in the way of `guard` may admit an attempt: `now` or earlier if they do already. */
  protected breakersAdmitAt(guard: Guard, now: number): number {
    const own = isInstanceGuard(guard) ? now : admitsAt(this.breakerAt(guard.index), now)
    const { instanceGuard } = this
    return Math.max(own, instanceGuard ? admitsAt(this.breakerAt(instanceGuard.index), now) : now)
  }

  /** Whether an attempt may pass every breaker in the way of `guard` before its time, as a last resort. */
  protected breakersAdmitEarly(guard: Guard): boolean {
    const { instanceGuard } = this
    const own = this.breakerAt(guard.index)?.admitsEarly ?? true
    return own && (!instanceGuard || (this.breakerAt(instanceGuard.index)?.admitsEarly ?? true))
  }

  /** Whether a breaker in the way of `guard` is half-open, its probes under way. */
  isProbing(guard: Guard | undefined): boolean {
    const own = guard && this.breakerAt(guard.index)
    const breaker = own && own.state !== 'closed' ? own : this.#first
    return breaker?.state === 'half-open'
  }

  /** Whether none of its breakers is in the way of anything. */
  allBreakersClosed(): boolean {
    if (!isClosed(this.#first)) return false
    return this.#others === undefined || this.#others.every(isClosed)
  }

  /** True if the instance's own breaker is closed, or was never made. */
  isInstanceBreakerClosed(): boolean {
    return isClosed(this.#first)
  }

  /** When the instance's own breaker is due for its first probe; undefined while it waits for none. */
  get probeAt(): number | undefined {
    return this.#first?.probeAt
  }

  /** A health check in the place of that probe failed. */
  probeFailed(now: number): void {
    this.#first?.probeFailed(now)
  }

  /** Slow start: the share of its traffic the endpoint should get now, 0 to 1. */
  share(now: number): number {
    return this.#first?.share(now) ?? 1
  }

  /** Takes it out as an outlier: to selection and events, its breaker opened. */
  eject(now: number, ms: number): void {
    const { instanceGuard } = this
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'outlier')
  }

  /** Opens its breaker by hand. */
  openByHand(now: number, ms: number): void {
    const { instanceGuard } = this
    if (instanceGuard) this.breaker(instanceGuard).force(now, ms, 'by-hand')
  }

  /** New policies for its breakers, by index; those without one stay as they are. */
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
