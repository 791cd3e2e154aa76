import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerReason, BreakerState, Outcome } from '../observe/events.ts'
import { OpenTime } from './open-time.ts'
import { Outage } from './outage.ts'
import type { BreakerPolicy } from './policy.ts'
import { Recovery } from './recovery.ts'
import { BreakerStatus } from './status.ts'
import type { Transition } from './transition.ts'
import { Trip } from './trip.ts'

/** The permit that a dry run returns instead of a refusal. It is older than any state, so its result is not counted. */
const UNCOUNTED = 1
/** The permit of an attempt that a client made although the breaker admits none, because no other endpoint was left. */
export const EARLY = -1

/**
 * The state machine of the breaker of one endpoint. It owns no timer. Each call brings the state up to date, so it is the same as
 * with a timer.
 */
export class Breaker extends BreakerStatus {
  /** The last permit that was given out. While the breaker is closed, all calls share one permit. Each probe has its own. */
  #permit = UNCOUNTED + 1
  /** The first permit of the current state. Results of earlier permits come too late. */
  #since: number = UNCOUNTED + 1
  readonly #notify: (transition: Transition, breaker: Breaker) => void
  readonly #hasStandIn: (() => boolean) | undefined
  readonly #heldUntil: ((probeAt: number) => number) | undefined

  /**
   * `hasStandIn` returns true if calls may go elsewhere. The open time grows only then. `heldUntil` returns until when the first
   * probe, due at `probeAt`, waits for a health check.
   */
  constructor(
    policy: BreakerPolicy,
    clock: Clock,
    notify: (transition: Transition, breaker: Breaker) => void,
    hasStandIn?: () => boolean,
    heldUntil?: (probeAt: number) => number,
  ) {
    super(policy, clock, new Trip(policy), new OpenTime(policy, clock, hasStandIn))
    this.#notify = notify
    this.#hasStandIn = hasStandIn
    this.#heldUntil = heldUntil
  }

  /** Uses another policy from now on. The state stays. A window with another size begins empty. */
  adopt(policy: BreakerPolicy): void {
    this.#applyDeadline(this.clock.now())
    this.policy = policy
    this.trip.adopt(policy)
    this.openTime.adopt(policy)
    this.outage?.adopt(policy)
  }

  /** A health check replaced the first probe and failed. The breaker stays open for another open time, without an event. */
  probeFailed(now: number): void {
    this.#applyDeadline(now)
    this.outage?.probeFailed(now)
  }

  /** Returns a permit > 0, to be settled once, or 0 to refuse. */
  tryAcquire(now: number): number {
    if (this.outage) this.#applyDeadline(now)
    const outage = this.outage
    if (!outage) return this.#permit
    if (!outage.isHalfOpen) return now < outage.reopensAt() ? this.#refusal() : this.#halfOpen(outage, now)
    if (!outage.hasSlot(now)) return this.#refusal()
    outage.takeSlot(++this.#permit, now)
    return this.#permit
  }

  /**
   * Reports how an admitted attempt ended, `ms` milliseconds after its start. `retryAfter` is in milliseconds. Returns a receipt
   * for `amend()`, or 0 if no success was counted.
   */
  settle(permit: number, outcome: Outcome, ms: number, now: number, retryAfter = 0): number {
    if (this.outage) this.#applyDeadline(now)
    if (permit === EARLY) this.#settleEarly(outcome, ms, now, retryAfter)
    if (permit < this.#since) return 0
    const outage = this.outage
    if (outage && !outage.release(permit, now)) return 0
    if (retryAfter > 0) this.openTime.addPause(outcome, now, retryAfter)
    return outage ? this.#settleProbe(outage, outcome, ms, now) : this.#settleCall(outcome, ms, now)
  }

  /** An attempt that was settled as a success with this receipt has failed: its body was cut short, or broke its contract. */
  amend(permit: number, receipt: number, now: number): void {
    if (this.outage) this.#applyDeadline(now)
    const outage = this.outage
    if (permit === EARLY) outage?.amendEarly()
    if (receipt === 0 || permit < this.#since) return
    if (outage) {
      outage.amend()
      this.#decideOnProbes(outage, now)
    } else {
      this.trip.amend(receipt, now)
      this.#decideOnCalls(now)
    }
  }

  /** Opens the breaker from outside, for at least `openFor` milliseconds. */
  force(now: number, openFor: number, reason: BreakerReason): void {
    this.#applyDeadline(now)
    const outage = this.outage
    if (outage && !outage.isHalfOpen) {
      outage.extend(now + openFor)
      return
    }
    if (!outage) this.openTime.shrink(this.healthyFor(now))
    this.#open(now, openFor, reason)
  }

  /** The instance has registered again. If the breaker is open, the next call is a probe, unless it was isolated by hand. */
  probeNow(now: number): void {
    this.#applyDeadline(now)
    this.outage?.probeNow(now)
  }

  /** Sets the growth of the open time that an earlier breaker had, as returned by `growth`. */
  restoreGrowth(level: number): void {
    this.openTime.restore(level)
  }

  /** Opens the breaker until `reset()`. */
  isolate(): void {
    const now = this.clock.now()
    this.#applyDeadline(now)
    if (this.outage?.isHalfOpen === false) this.outage.extend(Infinity)
    else this.#open(now, Infinity, 'isolated')
  }

  /** Closes the breaker and forgets everything. */
  reset(): void {
    this.#applyDeadline(this.clock.now())
    this.openTime.reset()
    this.#close(undefined, 'reset')
  }

  #settleCall(outcome: Outcome, ms: number, now: number): number {
    if (outcome !== 'success' && outcome !== 'failure') return 0
    const receipt = this.trip.count(outcome, ms, now)
    this.#decideOnCalls(now)
    return receipt
  }

  #settleProbe(outage: Outage, outcome: Outcome, ms: number, now: number): number {
    const isGood = outage.count(outcome, ms, now)
    if (isGood === undefined) return 0
    this.#decideOnProbes(outage, now)
    return isGood ? 1 : 0
  }

  #settleEarly(outcome: Outcome, ms: number, now: number, retryAfter: number): void {
    const outage = this.outage
    if (!outage || outcome === 'ignored') return
    this.openTime.addPause(outcome, now, retryAfter)
    if (outage.countEarly(outcome, ms)) this.#close(now, 'probes-succeeded')
  }

  #decideOnCalls(now: number): void {
    const reason = this.trip.reason(this.#hasStandIn)
    if (reason === undefined) return
    this.openTime.shrink(this.healthyFor(now))
    this.#break(now, reason, this.trip.counts(reason))
  }

  #decideOnProbes(outage: Outage, now: number): void {
    const reason = outage.reason()
    if (reason === 'probes-succeeded') this.#close(now, reason)
    else if (reason !== undefined) this.#break(now, reason)
  }

  /** If half-open had no result until its deadline, the breaker opened at the deadline, even if this is noticed later. */
  #applyDeadline(now: number): void {
    const outage = this.outage
    if (outage && now >= outage.deadline) this.#break(outage.deadline, 'half-open-timeout')
  }

  #refusal(): number {
    return this.policy.dryRun ? UNCOUNTED : 0
  }

  #break(now: number, reason: BreakerReason, counts?: BreakerCounts): void {
    const openFor = this.openTime.lengthAt(now)
    this.openTime.grow()
    this.#open(now, openFor, reason, counts)
  }

  #open(now: number, openFor: number, reason: BreakerReason, counts?: BreakerCounts): void {
    const from = this.#endState()
    this.outage = new Outage(now + openFor, this.policy, this.openTime, this.#heldUntil)
    this.#publish({ from, to: 'open', reason, openFor, ...(counts && { counts }) })
  }

  #halfOpen(outage: Outage, now: number): number {
    const from = this.#endState()
    const permit = ++this.#permit
    outage.beginProbing(permit, now, this.#hasStandIn !== undefined)
    this.#publish({ from, to: 'half-open', reason: 'open-elapsed' })
    return permit
  }

  #close(closedAt: number | undefined, reason: BreakerReason): void {
    const from = this.#endState()
    this.recovery = closedAt === undefined ? undefined : new Recovery(closedAt)
    this.outage = undefined
    this.trip.clear()
    if (from !== 'closed') this.#publish({ from, to: 'closed', reason })
  }

  /** Returns the state that ends now. All permits given out so far are too old for the next state. */
  #endState(): BreakerState {
    this.#since = ++this.#permit
    if (!this.outage) return 'closed'
    return this.outage.isHalfOpen ? 'half-open' : 'open'
  }

  #publish(transition: Transition): void {
    this.#notify(this.policy.dryRun ? { ...transition, dryRun: true } : transition, this)
  }
}
