import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerState } from '../observe/events.ts'
import type { OpenTime } from './open-time.ts'
import type { Outage } from './outage.ts'
import type { BreakerPolicy } from './policy.ts'
import type { Recovery } from './recovery.ts'
import type { Trip } from './trip.ts'

/** The part of a breaker that reads its state. Nothing here changes it. */
export abstract class BreakerStatus {
  /** Undefined while closed. */
  protected outage: Outage | undefined = undefined
  protected policy: BreakerPolicy
  protected readonly trip: Trip
  /** Set when it has closed after having been open. */
  protected recovery: Recovery | undefined = undefined
  protected readonly openTime: OpenTime
  protected readonly clock: Clock

  constructor(policy: BreakerPolicy, clock: Clock, trip: Trip, openTime: OpenTime) {
    this.policy = policy
    this.clock = clock
    this.trip = trip
    this.openTime = openTime
  }

  /** An open breaker whose open time has passed is half-open, although the transition happens with its first probe. */
  get state(): BreakerState {
    return this.outage?.stateAt(this.clock.now()) ?? 'closed'
  }

  /** True while the breaker is open until `reset()`. */
  get isIsolated(): boolean {
    return this.outage?.isIsolated === true
  }

  /** The end of the open time. Undefined while the breaker is not open, is isolated, or refuses nothing. */
  get probeAt(): number | undefined {
    const outage = this.outage
    if (!outage || this.policy.dryRun || outage.isProbing(this.clock.now())) return undefined
    const probeAt = outage.firstProbeAt()
    return probeAt < Infinity ? probeAt : undefined
  }

  /** Returns the current counts. */
  counts(now: number): BreakerCounts {
    return this.trip.countsAt(now)
  }

  /** Returns the milliseconds for which it would open now. */
  usualOpenTime(now: number): number {
    return this.openTime.lengthAt(now)
  }

  /** True while the start time of a call is not needed. Reading the clock takes a fifth of the time of a call. */
  get beginsUntimed(): boolean {
    return this.outage === undefined && this.policy.slowCallRate === Infinity
  }

  /** True while the end time of a call is not needed. */
  get endsUntimed(): boolean {
    return this.outage === undefined && this.policy.window === undefined
  }

  /** True if `tryAcquire(now)` would return a permit. Changes nothing. */
  admits(now: number): boolean {
    return this.outage === undefined || this.nextAdmit(now) <= now
  }

  /** True if an attempt may go early, with the permit `EARLY`. False if isolated. */
  get admitsEarly(): boolean {
    return this.outage?.admitsEarly ?? true
  }

  /** Returns when `admits()` becomes true without further calls: `now` if it is true, Infinity if it never becomes true. */
  nextAdmit(now: number): number {
    return this.outage && !this.policy.dryRun ? this.outage.nextAdmit(now) : now
  }

  /** Returns the fraction of the usual traffic, 0 to 1. It is below 1 while the endpoint ramps up after closing. */
  share(now: number): number {
    const { rampFor, dryRun } = this.policy
    if (!this.recovery || this.outage || dryRun) return 1
    return this.recovery.share(now, rampFor)
  }

  /** How many times the open time has grown; 0 means not at all. */
  get growth(): number {
    return this.openTime.level
  }

  /** Returns for how many milliseconds it has been closed; Infinity if it was never open. */
  protected healthyFor(now: number): number {
    return this.recovery?.healthyFor(now) ?? Infinity
  }
}
