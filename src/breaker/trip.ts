import { isDeepStrictEqual } from 'node:util'
import type { BreakerCounts, BreakerReason } from '../observe/events.ts'
import type { BreakerPolicy } from './policy.ts'
import { createWindow, type Window } from './window.ts'

/** A receipt is `number of the result * STREAK + length of the streak that it ended`. */
const STREAK = 1024

/** Decides when a closed breaker opens: by its failures in a row and, if a rate is configured, by its window. */
export class Trip {
  #streak = 0
  /** The number of results so far, which is also the number of the last result. */
  #results = 0
  /** The number of the success that ended the previous streak. */
  #lastSuccess = 0
  #policy: BreakerPolicy
  #window: Window | undefined

  constructor(policy: BreakerPolicy) {
    this.#policy = policy
    this.#window = policy.window && createWindow(policy.window)
  }

  /** Uses another policy from now on. A window with another size begins empty. */
  adopt(policy: BreakerPolicy): void {
    const isSame = isDeepStrictEqual(policy.window, this.#policy.window)
    this.#policy = policy
    if (!isSame) this.#window = policy.window && createWindow(policy.window)
  }

  /** Counts a result. Returns a receipt for `amend()`: > 0 for a success, 0 for a failure. */
  count(outcome: 'success' | 'failure', ms: number, now: number): number {
    this.#results++
    if (outcome === 'failure') {
      this.#streak++
      this.#record(true, ms, now)
      return 0
    }
    const receipt = this.#results * STREAK + Math.min(this.#streak, STREAK - 1)
    this.#lastSuccess = this.#results
    this.#streak = 0
    this.#record(false, ms, now)
    return receipt
  }

  /** Changes the counts as if the success had been a failure. */
  amend(receipt: number, now: number): void {
    const result = Math.floor(receipt / STREAK)
    if (result === this.#lastSuccess) {
      this.#streak += (receipt % STREAK) + 1
      this.#lastSuccess = 0
    }
    this.#window?.expire(now)
    this.#window?.amend(this.#results - result)
  }

  /**
   * Returns the reason to open, if there is one. It is called after each result, also after a success: it may be slow, or the
   * last of `minimumCalls`. `hasStandIn` returns true if calls may go elsewhere; without it they may.
   */
  reason(hasStandIn?: () => boolean): BreakerReason | undefined {
    const policy = this.#policy
    if (this.#streak >= policy.failureThreshold) {
      const isEnough = this.#streak >= policy.lastThreshold || !hasStandIn || hasStandIn()
      if (isEnough) return 'consecutive-failures'
    }
    const window = this.#window
    if (window === undefined || window.calls < policy.minimumCalls) return undefined
    if (window.failures / window.calls >= policy.failureRate) return 'failure-rate'
    if (window.slow / window.calls >= policy.slowCallRate) return 'slow-call-rate'
    return undefined
  }

  /** Returns the counts when the breaker opens, with the rate that caused it. */
  counts(reason: BreakerReason): BreakerCounts {
    const consecutive = this.#streak
    if (this.#window === undefined) return { consecutive }
    const { calls, failures, slow } = this.#window
    const decided = reason === 'failure-rate' ? failures : reason === 'slow-call-rate' ? slow : undefined
    return { consecutive, calls, failures, slow, ...(decided !== undefined && { rate: decided / calls }) }
  }

  /** Returns the counts at `now`. */
  countsAt(now: number): BreakerCounts {
    this.#window?.expire(now)
    return this.counts('reset')
  }

  clear(): void {
    this.#streak = 0
    this.#window?.clear()
  }

  #record(failed: boolean, ms: number, now: number): void {
    const window = this.#window
    if (window === undefined) return
    window.expire(now)
    window.record(failed, ms >= this.#policy.slowCallDuration)
  }
}
