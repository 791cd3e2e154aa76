import type { Clock } from '../clock.ts'
import type { BreakerCounts, BreakerState } from '../observe/events.ts'
import type { OpenTime } from './open-time.ts'
import type { Outage } from './outage.ts'
import type { BreakerPolicy } from './policy.ts'
import type { Recovery } from './recovery.ts'
import type { Trip } from './trip.ts'

/** What can be read of a breaker. Nothing in here changes it. */
export abstract class BreakerStatus {
  /** Undefined while it is closed. */
  protected outage: Outage | undefined = undefined
  protected policy: BreakerPolicy
  protected readonly trip: Trip
  /** Set once it has closed after having been open. */
  protected recovery: Recovery | undefined = undefined
  protected readonly openTime: OpenTime
  protected readonly clock: Clock

  constructor(policy: BreakerPolicy, clock: Clock, trip: Trip, openTime: OpenTime) {
    this.policy = policy
    this.clock = clock
    this.trip = trip
    this.openTime = openTime
  }

  /** An open breaker whose time has passed reads as half-open, though the transition comes with its first probe. */
  get state(): BreakerState {
    return this.outage?.stateAt(this.clock.now()) ?? 'closed'
  }

  /** Open until `reset()`, whatever the time. */
  get isIsolated(): boolean {
    return this.outage?.isIsolated === true
  }

  /** When its open time is over; undefined while it is not open, is isolated, or is in nobody's way. */
  get probeAt(): number | undefined {
    const outage = this.outage
    if (!outage || this.policy.dryRun || outage.isProbing(this.clock.now())) return undefined
    const probeAt = outage.firstProbeAt()
    return probeAt < Infinity ? probeAt : undefined
  }

  /** What is counted now. */
  counts(now: number): BreakerCounts {
    return this.trip.countsAt(now)
  }

  /** Milliseconds that it would open for now. */
  usualOpenTime(now: number): number {
    return this.openTime.lengthAt(now)
  }

  /** True while it does not matter when a call begins: reading the clock is a fifth of what a call costs. */
  get beginsUntimed(): boolean {
    return this.outage === undefined && this.policy.slowCallRate === Infinity
  }

  /** True while it does not matter when a call ends. */
  get endsUntimed(): boolean {
    return this.outage === undefined && this.policy.window === undefined
  }

  /** Whether `tryAcquire(now)` would give a permit; changes nothing. */
  admits(now: number): boolean {
    return this.outage === undefined || this.nextAdmit(now) <= now
  }

  /** Whether an attempt may go early, with the permit `EARLY`: not when isolated. */
  get admitsEarly(): boolean {
    return this.outage?.admitsEarly ?? true
  }

  /** The time at which `admits()` may become true by itself: `now` if it is, Infinity if it never will be. */
  nextAdmit(now: number): number {
    return this.outage && !this.policy.dryRun ? this.outage.nextAdmit(now) : now
  }

  /** The share of its usual traffic, 0 to 1: less than 1 while it ramps up after closing. */
  share(now: number): number {
    const { rampFor, dryRun } = this.policy
    if (!this.recovery || this.outage || dryRun) return 1
    return this.recovery.share(now, rampFor)
  }

  /** How far the open time has grown; 0 is not at all. */
  get growth(): number {
    return this.openTime.level
  }

  /** For how long it has been closed; Infinity if it never was open. */
  protected healthyFor(now: number): number {
    return this.recovery?.healthyFor(now) ?? Infinity
  }
}
