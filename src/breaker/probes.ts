import type { BreakerReason } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'

/** In milliseconds: after this time a client sends another probe beside one that hangs. The time doubles for each further one. */
const OVERDUE_AFTER = 1_000

/** One half-open round: its probes in flight, its results, and the decision. */
export class Probes {
  #successes = 0
  #failures = 0
  /** When the oldest probe in flight times out. Infinity if there is none. */
  #expiry = Infinity
  /** Permit → when it was taken, oldest first. */
  readonly #inFlight = new Map<number, number>()
  #policy: BreakerPolicy
  /** When the latest probe began. */
  #latest = -Infinity
  /** The overdue probes in flight: another probe was sent beside them. */
  readonly #overdue = new Set<number>()
  readonly #isInClient: boolean

  /**
   * In a client, a probe that hangs must not exclude an instance that has recovered. So another probe goes when the first is
   * overdue. The result of the first still counts.
   */
  constructor(policy: BreakerPolicy, isInClient = false) {
    this.#policy = policy
    this.#isInClient = isInClient
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy
    const [oldest = Infinity] = this.#inFlight.values()
    this.#expiry = oldest + policy.probeTimeout
  }

  /** Returns when a slot is free: `now`, or when the oldest probe times out or the latest is overdue. */
  freeAt(now: number): number {
    if (this.#inFlight.size - this.#overdue.size < this.#slots()) return now
    const overdueAt = this.#waitsForProbes ? Infinity : this.#latest + OVERDUE_AFTER * 2 ** this.#overdue.size
    return Math.max(now, Math.min(this.#expiry, overdueAt))
  }

  take(permit: number, now: number): void {
    this.#expire(now)
    if (this.#slots() <= this.#inFlight.size - this.#overdue.size) {
      for (const waiting of this.#inFlight.keys()) this.#overdue.add(waiting)
    }
    this.#latest = now
    this.#inFlight.set(permit, now)
    if (this.#inFlight.size === 1) this.#expiry = now + this.#policy.probeTimeout
  }

  /** Frees the slot. Returns false if the probe has timed out or was settled before. */
  release(permit: number, now: number): boolean {
    this.#expire(now)
    if (!this.#inFlight.delete(permit)) return false
    this.#overdue.delete(permit)
    this.#expire(now)
    return true
  }

  count(success: boolean): void {
    if (success) this.#successes++
    else this.#failures++
  }

  /** Turns a success of this round into a failure. */
  amend(): void {
    this.#successes--
    this.#failures++
  }

  /** Returns the reason to close or to open again, or undefined if neither is decided. */
  reason(): BreakerReason | undefined {
    const { successRate, successThreshold, round } = this.#policy
    if (successRate === Infinity) {
      if (this.#failures > 0) return 'probe-failed'
      return this.#successes >= successThreshold ? 'probes-succeeded' : undefined
    }
    // Decides as soon as the remaining probes cannot change the result: one of them may hang.
    if (this.#successes / round >= successRate) return 'probes-succeeded'
    return (round - this.#failures) / round < successRate ? 'probes-failed' : undefined
  }

  #slots(): number {
    const { halfOpenProbes, round } = this.#policy
    return Math.min(halfOpenProbes, round - this.#successes - this.#failures)
  }

  get #waitsForProbes(): boolean {
    return !this.#isInClient || this.#policy.waitsForProbes
  }

  #expire(now: number): void {
    this.#expiry = Infinity
    for (const [permit, since] of this.#inFlight) {
      const expiry = since + this.#policy.probeTimeout
      if (now < expiry) {
        this.#expiry = expiry
        return
      }
      this.#inFlight.delete(permit)
      this.#overdue.delete(permit)
    }
  }
}
