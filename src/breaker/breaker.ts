import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerReason, BreakerState, Outcome } from '../observe/events.ts'
import { OpenTime } from './open-time.ts'
import { Outage } from './outage.ts'
import type { BreakerPolicy } from './policy.ts'
import { Recovery } from './recovery.ts'
import { BreakerStatus } from './status.ts'
import type { Transition } from './transition.ts'
import { Trip } from './trip.ts'

/** What a dry run hands out instead of a refusal: older than any state, so its result is not counted. */
const UNCOUNTED = 1
/** The permit of an attempt that was let through although the breaker admits none: a client's last resort. */
export const EARLY = -1

/**
 * The state machine in front of one endpoint. It owns no timer: time only passes when it is touched, and the
 * next touch finds exactly the state that a timer would have made.
 */
export class Breaker extends BreakerStatus {
  /** The last permit handed out. Closed, all calls share one; each probe has its own. */
  #permit = UNCOUNTED + 1
  /** The first permit of the present state: what is below it comes too late. */
  #since: number = UNCOUNTED + 1
  readonly #notify: (transition: Transition, breaker: Breaker) => void
  readonly #hasStandIn: (() => boolean) | undefined
  readonly #heldUntil: ((probeAt: number) => number) | undefined

  /**
   * `hasStandIn` tells whether calls may go elsewhere: the open time grows only then. `heldUntil` tells how long the first probe,
   * due at `probeAt`, waits for a health request.
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

  /** Another policy from now on. The state stays; a window of another shape starts anew. */
  adopt(policy: BreakerPolicy): void {
    this.#lapse(this.clock.now())
    this.policy = policy
    this.trip.adopt(policy)
    this.openTime.adopt(policy)
    this.outage?.adopt(policy)
  }

  /** A health request that was made in the place of the first probe failed: open for another time, without an event. */
  probeFailed(now: number): void {
    this.#lapse(now)
    this.outage?.probeFailed(now)
  }

  /** A permit > 0, to be settled once, or 0 when refused. */
  tryAcquire(now: number): number {
    if (this.outage) this.#lapse(now)
    const outage = this.outage
    if (!outage) return this.#permit
    if (!outage.isHalfOpen) return now < outage.reopensAt() ? this.#refusal() : this.#halfOpen(outage, now)
    if (!outage.hasSlot(now)) return this.#refusal()
    outage.takeSlot(++this.#permit, now)
    return this.#permit
  }

  /**
   * Tells how an admitted attempt ended, `ms` after its start; `retryAfter` is in ms.
   * Returns a receipt for `amend()`, 0 when no success was counted.
   */
  settle(permit: number, outcome: Outcome, ms: number, now: number, retryAfter = 0): number {
    if (this.outage) this.#lapse(now)
    if (permit === EARLY) this.#settleEarly(outcome, ms, now, retryAfter)
    if (permit < this.#since) return 0
    const outage = this.outage
    if (outage && !outage.release(permit, now)) return 0
    if (retryAfter > 0) this.openTime.heed(outcome, now, retryAfter)
    return outage ? this.#settleProbe(outage, outcome, ms, now) : this.#settleCall(outcome, ms, now)
  }

  /** The success settled with this receipt turned out a failure: its body was cut off. */
  amend(permit: number, receipt: number, now: number): void {
    if (this.outage) this.#lapse(now)
    const outage = this.outage
    if (permit === EARLY) outage?.amendEarly()
    if (receipt === 0 || permit < this.#since) return
    if (outage) {
      outage.amend()
      this.#judgeProbes(outage, now)
    } else {
      this.trip.amend(receipt, now)
      this.#judgeCalls(now)
    }
  }

  /** Opens it from outside, for `openFor` ms at least. */
  force(now: number, openFor: number, reason: BreakerReason): void {
    this.#lapse(now)
    const outage = this.outage
    if (outage && !outage.isHalfOpen) {
      outage.extend(now + openFor)
      return
    }
    if (!outage) this.openTime.shrink(this.healthyFor(now))
    this.#open(now, openFor, reason)
  }

  /** The instance has registered anew: if it is open, the next call is a probe, unless it was isolated by hand. */
  probeNow(now: number): void {
    this.#lapse(now)
    this.outage?.probeNow(now)
  }

  /** The growth that `growth` told of an earlier breaker. */
  restoreGrowth(level: number): void {
    this.openTime.restore(level)
  }

  /** Open until `reset()`, whatever the time. */
  isolate(): void {
    const now = this.clock.now()
    this.#lapse(now)
    if (this.outage?.isHalfOpen === false) this.outage.extend(Infinity)
    else this.#open(now, Infinity, 'isolated')
  }

  /** Closed and as good as new. */
  reset(): void {
    this.#lapse(this.clock.now())
    this.openTime.reset()
    this.#close(undefined, 'reset')
  }

  #settleCall(outcome: Outcome, ms: number, now: number): number {
    if (outcome !== 'success' && outcome !== 'failure') return 0
    const receipt = this.trip.count(outcome, ms, now)
    this.#judgeCalls(now)
    return receipt
  }

  #settleProbe(outage: Outage, outcome: Outcome, ms: number, now: number): number {
    const isGood = outage.count(outcome, ms, now)
    if (isGood === undefined) return 0
    this.#judgeProbes(outage, now)
    return isGood ? 1 : 0
  }

  #settleEarly(outcome: Outcome, ms: number, now: number, retryAfter: number): void {
    const outage = this.outage
    if (!outage || outcome === 'ignored') return
    this.openTime.heed(outcome, now, retryAfter)
    if (outage.countEarly(outcome, ms)) this.#close(now, 'probes-succeeded')
  }

  #judgeCalls(now: number): void {
    const reason = this.trip.reason(this.#hasStandIn)
    if (reason === undefined) return
    this.openTime.shrink(this.healthyFor(now))
    this.#break(now, reason, this.trip.counts(reason))
  }

  #judgeProbes(outage: Outage, now: number): void {
    const reason = outage.verdict()
    if (reason === 'probes-succeeded') this.#close(now, reason)
    else if (reason !== undefined) this.#break(now, reason)
  }

  /** Half-open without a result for too long opened at its deadline, whenever it is noticed. */
  #lapse(now: number): void {
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
    const from = this.#leave()
    this.outage = new Outage(now + openFor, this.policy, this.openTime, this.#heldUntil)
    this.#publish({ from, to: 'open', reason, openFor, ...(counts && { counts }) })
  }

  #halfOpen(outage: Outage, now: number): number {
    const from = this.#leave()
    const permit = ++this.#permit
    outage.beginProbing(permit, now, this.#hasStandIn !== undefined)
    this.#publish({ from, to: 'half-open', reason: 'open-elapsed' })
    return permit
  }

  #close(closedAt: number | undefined, reason: BreakerReason): void {
    const from = this.#leave()
    this.recovery = closedAt === undefined ? undefined : new Recovery(closedAt)
    this.outage = undefined
    this.trip.clear()
    if (from !== 'closed') this.#publish({ from, to: 'closed', reason })
  }

  /** The state that ends now. Every permit handed out so far is too old for the next one. */
  #leave(): BreakerState {
    this.#since = ++this.#permit
    if (!this.outage) return 'closed'
    return this.outage.isHalfOpen ? 'half-open' : 'open'
  }

  #publish(transition: Transition): void {
    this.#notify(this.policy.dryRun ? { ...transition, dryRun: true } : transition, this)
  }
}
