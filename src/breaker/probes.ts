import type { BreakerReason } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'

/** Milliseconds after which a client does not wait for a probe any more; doubled for each that hangs. */
const PATIENCE = 1_000

/** One half-open round: who is probing, how they did, and the verdict. */
export class Probes {
  #successes = 0
  #failures = 0
  /** When the oldest probe in flight gives its slot away; Infinity with none. */
  #expiry = Infinity
  /** Permit → when it was taken, oldest first. */
  readonly #inFlight = new Map<number, number>()
  #policy: BreakerPolicy
  /** When the latest probe began. */
  #latest = -Infinity
  /** Those in flight that another one was sent in place of. */
  readonly #hung = new Set<number>()
  readonly #isInClient: boolean

  /**
   * In a client, a probe that hangs does not keep an instance out that is well again: another one goes when the first
   * is overdue. The result of the first still counts.
   */
  constructor(policy: BreakerPolicy, isInClient = false) {
    this.#policy = policy
    this.#isInClient = isInClient
  }

  adopt(policy: BreakerPolicy): void {
    this.#policy = policy
  }

  /** When a slot is free: `now`, or once the oldest probe has timed out or the latest is overdue. */
  freeAt(now: number): number {
    if (this.#inFlight.size - this.#hung.size < this.#slots()) return now
    const overdueAt = this.#isPatient ? Infinity : this.#latest + PATIENCE * 2 ** this.#hung.size
    return Math.max(now, Math.min(this.#expiry, overdueAt))
  }

  take(permit: number, now: number): void {
    this.#expire(now)
    if (this.#slots() <= this.#inFlight.size - this.#hung.size) {
      for (const waiting of this.#inFlight.keys()) this.#hung.add(waiting)
    }
    this.#latest = now
    this.#inFlight.set(permit, now)
    if (this.#inFlight.size === 1) this.#expiry = now + this.#policy.probeTimeout
  }

  /** Gives the slot back. False when it is already lost: timed out, or settled before. */
  release(permit: number, now: number): boolean {
    this.#expire(now)
    if (!this.#inFlight.delete(permit)) return false
    this.#hung.delete(permit)
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

  #slots(): number {
    const { halfOpenProbes, round } = this.#policy
    return Math.min(halfOpenProbes, round - this.#successes - this.#failures)
  }

  get #isPatient(): boolean {
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
      this.#hung.delete(permit)
    }
  }
}
