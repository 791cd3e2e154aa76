import type { BreakerReason, BreakerState, Outcome } from '../observe/events.ts'
import type { OpenTime } from './open-time.ts'
import type { BreakerPolicy } from './policy.ts'
import { Probes } from './probes.ts'

/**
 * One outage of a breaker: open, then half-open, until it closes or opens again. It knows when an attempt may go next, and how
 * probes end. A closed breaker has none.
 */
export class Outage {
  /** The time of the first probe; Infinity: isolated by hand. */
  #probeAt: number
  /** When half-open: the time until which a result must come in. */
  #deadline = Infinity
  /** Set while it is half-open. */
  #probes: Probes | undefined = undefined
  /** Early probes that succeeded in a row since the last transition. */
  #early = 0
  #policy: BreakerPolicy
  readonly #openTime: OpenTime
  readonly #heldUntil: ((probeAt: number) => number) | undefined

  /** `heldUntil` tells how long the first probe, due at `probeAt`, waits for a health request. */
  constructor(
    probeAt: number,
    policy: BreakerPolicy,
    openTime: OpenTime,
    heldUntil: ((probeAt: number) => number) | undefined,
  ) {
    this.#probeAt = probeAt
    this.#policy = policy
    this.#openTime = openTime
    this.#heldUntil = heldUntil
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy
    this.#probes?.adopt(policy)
  }

  get isHalfOpen(): boolean {
    return this.#probes !== undefined
  }

  /** Open until `reset()`, whatever the time. */
  get isIsolated(): boolean {
    return this.#probeAt === Infinity
  }

  /** When half-open: the time until which a result must come in; Infinity otherwise. */
  get deadline(): number {
    return this.#deadline
  }

  /** Whether it is half-open, and a result may still come in. */
  isProbing(now: number): boolean {
    return this.#probes !== undefined && now < this.#deadline
  }

  /** Reads as half-open once the open time is over, though the transition comes with the first probe. */
  stateAt(now: number): BreakerState {
    return this.isProbing(now) || now >= this.reopensAt() ? 'half-open' : 'open'
  }

  /** When its open time is over: the present one, or the next one where no result came in. */
  firstProbeAt(): number {
    return this.#probes ? this.#deadline + this.#openTime.lengthAt(this.#deadline) : this.#probeAt
  }

  /** The same, or later while a health request is made instead of the first probe. */
  reopensAt(): number {
    const probeAt = this.firstProbeAt()
    return this.#heldUntil ? this.#heldUntil(probeAt) : probeAt
  }

  /** The time at which a probe may go: `now` if one may go already, Infinity if none ever will. */
  nextAdmit(now: number): number {
    if (this.#probes && now < this.#deadline) {
      const at = Math.max(this.#probes.freeAt(now), this.#openTime.notBefore)
      if (at < this.#deadline) return at
    }
    return Math.max(now, this.reopensAt())
  }

  /**
   * Whether an attempt may go early: not when isolated. A Retry-After does not forbid it: it was said to one requester, and
   * early probes are few.
   */
  get admitsEarly(): boolean {
    return this.#probeAt < Infinity
  }

  /** Its open time is over: half-open, with `permit` as its first probe. */
  beginProbing(permit: number, now: number, isInClient: boolean): void {
    this.#early = 0
    this.#deadline = now + this.#policy.maxHalfOpenWait
    this.#probes = new Probes(this.#policy, isInClient)
    this.#probes.take(permit, now)
  }

  /** Whether one more probe may go. */
  hasSlot(now: number): boolean {
    return this.#probes !== undefined && now >= this.#openTime.notBefore && this.#probes.freeAt(now) <= now
  }

  takeSlot(permit: number, now: number): void {
    this.#probes?.take(permit, now)
  }

  /** Gives the slot of a probe back. False when it is already lost: timed out, or settled before. */
  release(permit: number, now: number): boolean {
    return this.#probes?.release(permit, now) === true
  }

  /** Counts how a probe ended: whether it was a success, or undefined when it says nothing. */
  count(outcome: Outcome, ms: number, now: number): boolean | undefined {
    if (outcome === 'ignored') return undefined
    this.#deadline = Math.max(now, this.#openTime.notBefore) + this.#policy.maxHalfOpenWait
    if (outcome === 'overload') return undefined
    const isGood = this.#isGood(outcome, ms)
    this.#probes?.count(isGood)
    return isGood
  }

  /** A probe that was counted as a success turned out a failure. */
  amend(): void {
    this.#probes?.amend()
  }

  /** Why to close or to open again; undefined: not decided yet. */
  verdict(): BreakerReason | undefined {
    return this.#probes?.verdict()
  }

  /**
   * Counts how an early probe ended. True: enough of them succeeded in a row to close the breaker. Until then it changes
   * nothing: most of them fail, and each would be two events.
   */
  countEarly(outcome: Outcome, ms: number): boolean {
    this.#probeAt = Math.max(this.#probeAt, this.#openTime.notBefore)
    this.#early = this.#isGood(outcome, ms) ? this.#early + 1 : 0
    return this.#early >= this.#policy.successThreshold && this.admitsEarly
  }

  amendEarly(): void {
    this.#early = 0
  }

  /** Stays open until `at` at least. */
  extend(at: number): void {
    this.#probeAt = Math.max(this.#probeAt, at)
  }

  /** A health request was made instead of the first probe, and failed: open for another time, without an event. */
  probeFailed(now: number): void {
    if (this.#probes || now < this.#probeAt) return
    this.#probeAt = now + this.#openTime.lengthAt(now)
    this.#openTime.grow()
  }

  /** The instance has registered anew: the next call is a probe, unless it was isolated by hand. */
  probeNow(now: number): void {
    if (this.#probes || this.isIsolated) return
    this.#probeAt = Math.min(this.#probeAt, now)
    this.#openTime.notBefore = -Infinity
  }

  #isGood(outcome: Outcome, ms: number): boolean {
    const { slowCallRate, slowCallDuration } = this.#policy
    return outcome === 'success' && (slowCallRate === Infinity || ms < slowCallDuration)
  }
}
