import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerReason, BreakerState, Outcome } from '../observe/events.ts'
import { OpenTime } from './open-time.ts'
import type { BreakerPolicy } from './policy.ts'
import { Probes } from './probes.ts'
import type { Transition } from './transition.ts'
import { Trip } from './trip.ts'

/** What a dry run hands out instead of a refusal: older than any state, so its result is not counted. */
const UNCOUNTED = 1
/** The permit of an attempt that was let through although the breaker admits none: a client's last resort. */
export const EARLY = -1
/** A server may ask for a pause of days; nobody means it (unless `openFor.max` says so). */
const MAX_RETRY_AFTER = 600_000
/** The share of traffic right after closing. */
const MIN_SHARE = 0.1

/**
 * The state machine in front of one endpoint. It owns no timer: time only passes when it is touched, and the
 * next touch finds exactly the state that a timer would have made.
 */
export class Breaker {
  #state: BreakerState = 'closed'
  #policy: BreakerPolicy
  readonly #trip: Trip
  /** The last permit handed out. Closed, all calls share one; each probe has its own. */
  #permit = UNCOUNTED + 1
  /** The first permit of the present state: what is below it comes too late. */
  #since: number = UNCOUNTED + 1
  /** When open: the time of the first probe. */
  #probeAt = 0
  /** When half-open: the time until which a result must come in. */
  #deadline = Infinity
  /** No probe before this time: a server's Retry-After. */
  #notBefore = -Infinity
  /** When it last closed after having been open. */
  #closedAt: number | undefined = undefined
  #probes: Probes | undefined = undefined
  /** Early probes that succeeded in a row since the last transition. */
  #early = 0
  readonly #openTime: OpenTime
  readonly #clock: Clock
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
    this.#policy = policy
    this.#clock = clock
    this.#notify = notify
    this.#hasStandIn = hasStandIn
    this.#heldUntil = heldUntil
    this.#trip = new Trip(policy)
    this.#openTime = new OpenTime(policy, clock)
  }

  /** Another policy from now on. The state stays; a window of another shape starts anew. */
  adopt(policy: BreakerPolicy): void {
    this.#lapse(this.#clock.now())
    this.#policy = policy
    this.#trip.adopt(policy)
    this.#openTime.adopt(policy)
    this.#probes?.adopt(policy)
  }

  /** An open breaker whose time has passed reads as half-open, though the transition comes with its first probe. */
  get state(): BreakerState {
    if (this.#state === 'closed') return 'closed'
    const now = this.#clock.now()
    if (this.#state === 'half-open' && now < this.#deadline) return 'half-open'
    return now < this.#reopensAt() ? 'open' : 'half-open'
  }

  /** Open until `reset()`, whatever the time. */
  get isIsolated(): boolean {
    return this.#state === 'open' && this.#probeAt === Infinity
  }

  /** When its open time is over; undefined while it is not open, is isolated, or is in nobody's way. */
  get probeAt(): number | undefined {
    if (this.#state === 'closed' || this.#policy.dryRun) return undefined
    if (this.#state === 'half-open' && this.#clock.now() < this.#deadline) return undefined
    const probeAt = this.#firstProbeAt()
    return probeAt < Infinity ? probeAt : undefined
  }

  /** A health request that was made in the place of the first probe failed: open for another time, without an event. */
  probeFailed(now: number): void {
    this.#lapse(now)
    if (this.#state !== 'open' || now < this.#probeAt) return
    this.#probeAt = now + this.#openFor(now)
    if (!this.#hasStandIn || this.#hasStandIn()) this.#openTime.grow()
  }

  /** What is counted now. */
  counts(now: number): BreakerCounts {
    return this.#trip.countsAt(now)
  }

  /** Milliseconds that it would open for now. */
  usualOpenTime(now: number): number {
    return this.#openFor(now)
  }

  /** True while it does not matter when a call begins: reading the clock is a fifth of what a call costs. */
  get beginsUntimed(): boolean {
    return this.#state === 'closed' && this.#policy.slowCallRate === Infinity
  }

  /** True while it does not matter when a call ends. */
  get endsUntimed(): boolean {
    return this.#state === 'closed' && this.#policy.window === undefined
  }

  /** Whether `tryAcquire(now)` would give a permit; changes nothing. */
  admits(now: number): boolean {
    return this.#state === 'closed' || this.nextAdmit(now) <= now
  }

  /** Whether an attempt may go early, with the permit `EARLY`: not when isolated, and not before a Retry-After. */
  admitsEarly(now: number): boolean {
    return (this.#state !== 'open' || this.#probeAt < Infinity) && now >= this.#notBefore
  }

  /** A permit > 0, to be settled once, or 0 when refused. */
  tryAcquire(now: number): number {
    if (this.#state !== 'closed') this.#lapse(now)
    if (this.#state === 'closed') return this.#permit
    if (this.#state === 'open') return now < this.#reopensAt() ? this.#refusal() : this.#halfOpen(now)
    if (!this.#probes || now < this.#notBefore || this.#probes.freeAt(now) > now) return this.#refusal()
    this.#probes.take(++this.#permit, now)
    return this.#permit
  }

  /**
   * Tells how an admitted attempt ended, `ms` after its start; `retryAfter` is in ms.
   * Returns a receipt for `amend()`, 0 when no success was counted.
   */
  settle(permit: number, outcome: Outcome, ms: number, now: number, retryAfter = 0): number {
    if (this.#state !== 'closed') this.#lapse(now)
    if (permit === EARLY) this.#settleEarly(outcome, ms, now, retryAfter)
    if (permit < this.#since) return 0
    if (this.#state !== 'closed') {
      if (!this.#probes?.release(permit, now)) return 0
      this.#heed(outcome, now, retryAfter)
      return this.#settleProbe(outcome, ms, now)
    }
    this.#heed(outcome, now, retryAfter)
    return this.#settleCall(outcome, ms, now)
  }

  /** The success settled with this receipt turned out a failure: its body was cut off. */
  amend(permit: number, receipt: number, now: number): void {
    if (this.#state !== 'closed') this.#lapse(now)
    if (permit === EARLY) this.#early = 0
    if (receipt === 0 || permit < this.#since) return
    if (this.#state === 'closed') {
      this.#trip.amend(receipt, now)
      this.#judgeCalls(now)
    } else {
      this.#probes?.amend()
      this.#judgeProbes(now)
    }
  }

  /** The time at which `admits()` may become true by itself: `now` if it is, Infinity if it never will be. */
  nextAdmit(now: number): number {
    if (this.#state === 'closed' || this.#policy.dryRun) return now
    if (this.#probes && this.#state === 'half-open' && now < this.#deadline) {
      const at = Math.max(this.#probes.freeAt(now), this.#notBefore)
      if (at < this.#deadline) return at
    }
    return Math.max(now, this.#reopensAt())
  }

  /** The share of its usual traffic, 0 to 1: less than 1 while it ramps up after closing. */
  share(now: number): number {
    if (this.#closedAt === undefined) return 1
    const healthy = now - this.#closedAt
    const { rampFor, dryRun } = this.#policy
    if (healthy >= rampFor || dryRun || this.#state !== 'closed') return 1
    return Math.max(MIN_SHARE, healthy / rampFor)
  }

  /** Opens it from outside, for `openFor` ms at least. */
  force(now: number, openFor: number, reason: BreakerReason): void {
    this.#lapse(now)
    if (this.#state === 'open') {
      this.#probeAt = Math.max(this.#probeAt, now + openFor)
      return
    }
    if (this.#state === 'closed') this.#openTime.shrink(this.#healthyFor(now))
    this.#open(now, openFor, reason)
  }

  /** The instance has registered anew: if it is open, the next call is a probe, unless it was isolated by hand. */
  probeNow(now: number): void {
    this.#lapse(now)
    if (this.#state !== 'open' || this.#probeAt === Infinity) return
    this.#probeAt = Math.min(this.#probeAt, now)
    this.#notBefore = -Infinity
  }

  /** How far the open time has grown; 0 is not at all. */
  get growth(): number {
    return this.#openTime.level
  }

  set growth(level: number) {
    this.#openTime.restore(level)
  }

  /** Open until `reset()`, whatever the time. */
  isolate(): void {
    const now = this.#clock.now()
    this.#lapse(now)
    if (this.#state === 'open') this.#probeAt = Infinity
    else this.#open(now, Infinity, 'isolated')
  }

  /** Closed and as good as new. */
  reset(): void {
    this.#lapse(this.#clock.now())
    this.#openTime.reset()
    this.#notBefore = -Infinity
    this.#close(undefined, 'reset')
  }

  #healthyFor(now: number): number {
    return now - (this.#closedAt ?? -Infinity)
  }

  #heed(outcome: Outcome, now: number, retryAfter: number): void {
    if (retryAfter <= 0 || outcome === 'success' || outcome === 'ignored') return
    const most = Math.max(MAX_RETRY_AFTER, this.#policy.openFor.max)
    this.#notBefore = Math.max(this.#notBefore, now + Math.min(retryAfter, most))
  }

  #settleCall(outcome: Outcome, ms: number, now: number): number {
    if (outcome === 'success') {
      const receipt = this.#trip.success(ms, now)
      this.#judgeCalls(now)
      return receipt
    }
    if (outcome === 'failure') {
      this.#trip.failure(ms, now)
      this.#judgeCalls(now)
    }
    return 0
  }

  #settleProbe(outcome: Outcome, ms: number, now: number): number {
    if (outcome === 'ignored') return 0
    this.#deadline = Math.max(now, this.#notBefore) + this.#policy.maxHalfOpenWait
    if (outcome === 'overload') return 0
    const success = this.#isGood(outcome, ms)
    this.#probes?.count(success)
    this.#judgeProbes(now)
    return success ? 1 : 0
  }

  /** It changes nothing until enough of them succeeded in a row: most of them fail, and each would be two events. */
  #settleEarly(outcome: Outcome, ms: number, now: number, retryAfter: number): void {
    if (this.#state === 'closed' || outcome === 'ignored') return
    this.#heed(outcome, now, retryAfter)
    this.#probeAt = Math.max(this.#probeAt, this.#notBefore)
    this.#early = this.#isGood(outcome, ms) ? this.#early + 1 : 0
    if (this.#early >= this.#policy.successThreshold && this.admitsEarly(now)) {
      this.#close(now, 'probes-succeeded')
    }
  }

  #isGood(outcome: Outcome, ms: number): boolean {
    const { slowCallRate, slowCallDuration } = this.#policy
    return outcome === 'success' && (slowCallRate === Infinity || ms < slowCallDuration)
  }

  #judgeCalls(now: number): void {
    const reason = this.#trip.reason(this.#hasStandIn)
    if (reason !== undefined) {
      this.#openTime.shrink(this.#healthyFor(now))
      this.#break(now, reason, this.#trip.counts(reason))
    }
  }

  #judgeProbes(now: number): void {
    const reason = this.#probes?.verdict()
    if (reason === 'probes-succeeded') this.#close(now, reason)
    else if (reason !== undefined) this.#break(now, reason)
  }

  /** Half-open without a result for too long opened at its deadline, whenever it is noticed. */
  #lapse(now: number): void {
    if (this.#state === 'half-open' && now >= this.#deadline) this.#break(this.#deadline, 'half-open-timeout')
  }

  /** When open, or half-open past its deadline: the time of the next probe. */
  #reopensAt(): number {
    const probeAt = this.#firstProbeAt()
    return this.#heldUntil ? this.#heldUntil(probeAt) : probeAt
  }

  #firstProbeAt(): number {
    return this.#state === 'open' ? this.#probeAt : this.#deadline + this.#openFor(this.#deadline)
  }

  #openFor(now: number): number {
    return Math.max(this.#openTime.next(), this.#notBefore - now)
  }

  #refusal(): number {
    return this.#policy.dryRun ? UNCOUNTED : 0
  }

  #break(now: number, reason: BreakerReason, counts?: BreakerCounts): void {
    const openFor = this.#openFor(now)
    if (!this.#hasStandIn || this.#hasStandIn()) this.#openTime.grow()
    this.#open(now, openFor, reason, counts)
  }

  #open(now: number, openFor: number, reason: BreakerReason, counts?: BreakerCounts): void {
    this.#probeAt = now + openFor
    this.#probes = undefined
    const from = this.#enter('open')
    this.#publish({ from, to: 'open', reason, openFor, ...(counts && { counts }) })
  }

  #halfOpen(now: number): number {
    const from = this.#enter('half-open')
    this.#deadline = now + this.#policy.maxHalfOpenWait
    this.#probes = new Probes(this.#policy, this.#hasStandIn !== undefined)
    const permit = ++this.#permit
    this.#probes.take(permit, now)
    this.#publish({ from, to: 'half-open', reason: 'open-elapsed' })
    return permit
  }

  #close(closedAt: number | undefined, reason: BreakerReason): void {
    this.#closedAt = closedAt
    this.#probes = undefined
    this.#trip.clear()
    const from = this.#enter('closed')
    if (from !== 'closed') this.#publish({ from, to: 'closed', reason })
  }

  /** Commits the new state; every permit handed out so far is too old for it. */
  #enter(state: BreakerState): BreakerState {
    const from = this.#state
    this.#state = state
    this.#early = 0
    this.#since = ++this.#permit
    return from
  }

  #publish(transition: Transition): void {
    this.#notify(this.#policy.dryRun ? { ...transition, dryRun: true } : transition, this)
  }
}
