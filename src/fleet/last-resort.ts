import type { Outcome } from '../observe/events.ts'
import { EarlyProbes } from './early-probes.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/** The share let through is this many times the success rate: from a tenth on, nothing is refused any more. */
const SHARE_PER_RATE = 10
/** The share let through when nothing succeeds. */
const MINIMUM_SHARE = 0.1
/** Milliseconds without any attempt after which a call is let through, whatever the share. */
const MAX_SILENCE_MS = 1_000
/** How much the result of one early probe moves the success rate. */
const RATE_WEIGHT = 0.1
/** Milliseconds without an early probe after which the success rate says nothing any more. */
const RATE_MEMORY_MS = 30_000
/** Milliseconds after the last moment without any candidate in which the others are still looked for. */
const SEARCH_FOR_MS = 5_000
/** How many endpoints a pick looks at: it must not search through a large fleet. */
const MAX_LOOKS = 8

/** What an early pick is made for. */
export interface EarlyRequest {
  readonly now: number
  excluded(endpoint: LiveEndpoint): boolean
}

/**
 * A throttle in place of a wall. While no breaker admits anything, it lets a part of the calls through as early
 * probes, spread over the endpoints; the part follows how many of them succeeded. A service that is down gets a tenth
 * of its calls, a service that half works gets them all, and one that comes back is found within a second.
 *
 * When the first breaker has closed, the others are still looked for: the first instance that is back must not carry
 * the calls of all.
 */
export class LastResort {
  /** Of the recent early probes. It outlasts the closing of a breaker: what half works opens and closes in turn. */
  #rate = 0
  #ratedAt = -Infinity
  /** Calls that may be let through: each call adds the share. */
  #credit = 0
  #noCandidateAt = -Infinity
  #turn = 0
  /** Whether the latest early probe that ended was a success. */
  #lastProbeSucceeded = false
  readonly probes: EarlyProbes = new EarlyProbes()
  readonly #guard: Guard
  readonly #perInstance: number

  constructor(guard: Guard, perInstance: number) {
    this.#guard = guard
    this.#perInstance = perInstance
  }

  /**
   * The share of calls that is let through while no endpoint may be picked, 0.1 to 1. After a success it is 1 until one
   * fails: a service that is back must not have its calls refused, and one that mostly fails soon lowers the share again.
   */
  share(now: number): number {
    if (this.#lastProbeSucceeded) return 1
    const rate = now - this.#ratedAt > RATE_MEMORY_MS ? 0 : this.#rate
    return Math.min(Math.max(SHARE_PER_RATE * rate, MINIMUM_SHARE), 1)
  }

  /** How an early probe ended, after `ms`. */
  count(outcome: Outcome, ms: number, now: number): void {
    if (outcome !== 'ignored') this.#count(outcome, now)
    this.probes.noteEnd(outcome, ms)
  }

  #count(outcome: Outcome, now: number): void {
    this.#lastProbeSucceeded = outcome === 'success'
    if (now - this.#ratedAt > RATE_MEMORY_MS) this.#rate = 0
    this.#rate += ((outcome === 'success' ? 1 : 0) - this.#rate) * RATE_WEIGHT
    this.#ratedAt = now
  }

  /** An early probe that was counted as a success turned out a failure. */
  amend(): void {
    this.#lastProbeSucceeded = false
    this.#rate = Math.max(0, this.#rate - RATE_WEIGHT)
  }

  /**
   * The endpoint that this call should probe, or undefined to pick as usual. `list` are the endpoints that may be
   * picked, `blocked` those that wait for their breaker; `attemptAt` is when the client's latest attempt began.
   */
  pick(
    list: readonly LiveEndpoint[],
    blocked: readonly LiveEndpoint[],
    request: EarlyRequest,
    attemptAt: number,
  ): LiveEndpoint | undefined {
    const { now } = request
    if (list.length === 0) this.#noCandidateAt = now
    else if (blocked.length === 0 || now - this.#noCandidateAt > SEARCH_FOR_MS) return undefined
    if (list.length === 0)
      return this.#isLetThrough(this.share(now)) || now - attemptAt >= MAX_SILENCE_MS
        ? this.#nextBlocked(blocked, request)
        : undefined
    const turn = this.#turn++ % (list.length + blocked.length)
    if (turn < list.length) {
      const endpoint = list[turn]
      // Balancers keep away from what failed last: a breaker that is half-open would wait for its probes.
      const isWanted = endpoint && !endpoint.allBreakersClosed() && endpoint.inFlight < this.#perInstance
      return isWanted && !request.excluded(endpoint) ? endpoint : undefined
    }
    return this.#isLetThrough(MINIMUM_SHARE) ? this.#nextBlocked(blocked, request) : undefined
  }

  #isLetThrough(share: number): boolean {
    this.#credit += share
    if (this.#credit < 1) return false
    this.#credit--
    return true
  }

  #nextBlocked(blocked: readonly LiveEndpoint[], request: EarlyRequest): LiveEndpoint | undefined {
    let excluded: LiveEndpoint | undefined
    for (let look = 0; look < Math.min(MAX_LOOKS, blocked.length); look++) {
      const endpoint = blocked[this.#turn++ % blocked.length]
      if (!endpoint?.admitsEarly(this.#guard, request.now) || endpoint.inFlight >= this.#perInstance) continue
      if (!request.excluded(endpoint)) return endpoint
      excluded = endpoint
    }
    return excluded
  }
}
