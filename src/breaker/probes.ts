import type { BreakerReason } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'

/** One half-open round: who is probing, how they did, and the verdict. */
export class Probes {
  #successes = 0
  #failures = 0
  /** When the oldest probe in flight gives its slot away; Infinity with none. */
  #expiry = Infinity
  /** Permit → when it was taken, oldest first. */
  readonly #inFlight = new Map<number, number>()
  #policy: BreakerPolicy

  constructor(policy: BreakerPolicy) {
    this.#policy = policy
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy
  }

  /** When a slot is free: `now`, or once the oldest probe has timed out. */
  freeAt(now: number): number {
    const { halfOpenProbes, round } = this.#policy
    const slots = Math.min(halfOpenProbes, round - this.#successes - this.#failures)
    return this.#inFlight.size < slots ? now : Math.max(now, this.#expiry)
  }

  take(permit: number, now: number): void {
    this.#expire(now)
    this.#inFlight.set(permit, now)
    if (this.#inFlight.size === 1) this.#expiry = now + this.#policy.probeTimeout
  }

  /** Gives the slot back. False when it is already lost: timed out, or settled before. */
  release(permit: number, now: number): boolean {
    this.#expire(now)
    if (!this.#inFlight.delete(permit)) return false
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

  verdict(): BreakerReason | undefined {
    const { successRate, successThreshold, round } = this.#policy
    if (successRate === Infinity) {
      if (this.#failures > 0) return 'probe-failed'
      return this.#successes >= successThreshold ? 'probes-succeeded' : undefined
    }
    // As soon as the probes that are still out can change nothing: one of them may hang.
    if (this.#successes / round >= successRate) return 'probes-succeeded'
    return (round - this.#failures) / round < successRate ? 'probes-failed' : undefined
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
    }
  }
}
