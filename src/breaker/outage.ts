import type { BreakerReason, BreakerState, Outcome } from '../observe/events.ts'
import type { OpenTime } from './open-time.ts'
import type { BreakerPolicy } from './policy.ts'
import { Probes } from './probes.ts'

/**
 * One outage of a breaker, from opening until it closes or opens again: first open, then half-open. It knows when the next
 * attempt may go, and how probes ended. A closed breaker has no outage.
 */
export class Outage {
  /** The time of the first probe. Infinity means isolated by hand. */
  #probeAt: number
  /** While half-open: the time until which there must be a result. */
  #deadline = Infinity
  /** Set while half-open. */
  #probes: Probes | undefined = undefined
  /** The number of early probes in a row that have succeeded since the last transition. */
  #earlySuccesses = 0
  #policy: BreakerPolicy
  readonly #openTime: OpenTime
  readonly #heldUntil: ((probeAt: number) => number) | undefined

  /** `heldUntil` returns until when the first probe, due at `probeAt`, waits for a health check. */
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

  /** True if it is open until `reset()`. */
  get isIsolated(): boolean {
    return this.#probeAt === Infinity
  }

  /** While half-open: the time until which there must be a result. Otherwise Infinity. */
  get deadline(): number {
    return this.#deadline
  }

  /** True if it is half-open and its deadline has not passed. */
  isProbing(now: number): boolean {
    return this.#probes !== undefined && now < this.#deadline
  }

  /** Returns half-open when the open time has passed, although the transition happens with the first probe. */
  stateAt(now: number): BreakerState {
    return this.isProbing(now) || now >= this.reopensAt() ? 'half-open' : 'open'
  }

  /** Returns the end of the open time. If half-open gets no result until its deadline, this is the end of the next open time. */
  firstProbeAt(): number {
    return this.#probes ? this.#deadline + this.#openTime.lengthAt(this.#deadline) : this.#probeAt
  }

  /** Like `firstProbeAt`, or later while a health check replaces the first probe. */
  reopensAt(): number {
    const probeAt = this.firstProbeAt()
    return this.#heldUntil ? this.#heldUntil(probeAt) : probeAt
  }

  /** Returns when a probe may go: `now` if one may go already, Infinity if none ever will. */
  nextAdmit(now: number): number {
    if (this.#probes && now < this.#deadline) {
      const at = Math.max(this.#probes.freeAt(now), this.#openTime.notBefore)
      if (at < this.#deadline) return at
    }
    return Math.max(now, this.reopensAt())
  }

  /**
   * True if an attempt may go early. False if isolated. A Retry-After does not prevent it: the server said that to one client,
   * and early probes are rare.
   */
  get admitsEarly(): boolean {
    return this.#probeAt < Infinity
  }

  /** The open time has passed. Begins half-open, with `permit` as first probe. */
  beginProbing(permit: number, now: number, isInClient: boolean): void {
    this.#earlySuccesses = 0
    this.#deadline = now + this.#policy.maxHalfOpenWait
    this.#probes = new Probes(this.#policy, isInClient)
    this.#probes.take(permit, now)
  }

  /** True if one more probe may go. */
  hasSlot(now: number): boolean {
    return this.#probes !== undefined && now >= this.#openTime.notBefore && this.#probes.freeAt(now) <= now
  }

  takeSlot(permit: number, now: number): void {
    this.#probes?.take(permit, now)
  }

  /** Frees the slot of a probe. Returns false if the probe has timed out or was settled before. */
  release(permit: number, now: number): boolean {
    return this.#probes?.release(permit, now) === true
  }

  /** Counts how a probe ended. Returns true for a success, false for a failure, and undefined if it tells nothing. */
  count(outcome: Outcome, ms: number, now: number): boolean | undefined {
    if (outcome === 'ignored') return undefined
    this.#deadline = Math.max(now, this.#openTime.notBefore) + this.#policy.maxHalfOpenWait
    if (outcome === 'overload') return undefined
    const isGood = this.#isGood(outcome, ms)
    this.#probes?.count(isGood)
    return isGood
  }

  /** A probe that was counted as a success has failed. */
  amend(): void {
    this.#probes?.amend()
  }

  /** Returns the reason to close or to open again, or undefined if neither is decided. */
  reason(): BreakerReason | undefined {
    return this.#probes?.reason()
  }

  /**
   * Counts how an early probe ended. Returns true if enough of them have succeeded in a row to close the breaker. Before that it
   * makes no transition: most early probes fail, and each transition is an event.
   */
  countEarly(outcome: Outcome, ms: number): boolean {
    this.#probeAt = Math.max(this.#probeAt, this.#openTime.notBefore)
    this.#earlySuccesses = this.#isGood(outcome, ms) ? this.#earlySuccesses + 1 : 0
    return this.#earlySuccesses >= this.#policy.successThreshold && this.admitsEarly
  }

  amendEarly(): void {
    this.#earlySuccesses = 0
  }

  /** Keeps the breaker open until at least `at`. */
  extend(at: number): void {
    this.#probeAt = Math.max(this.#probeAt, at)
  }

  /** A health check replaced the first probe and failed. The breaker stays open for another open time, without an event. */
  probeFailed(now: number): void {
    if (this.#probes || now < this.#probeAt) return
    this.#probeAt = now + this.#openTime.lengthAt(now)
    this.#openTime.grow()
  }

  /** The instance has registered again. The next call is a probe, unless it was isolated by hand. */
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
