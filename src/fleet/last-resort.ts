import type { Outcome } from '../observe/events.ts'
import { EarlyProbes } from './early-probes.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/**
 * The share of calls let through is the success rate times this. So at a success rate of 0.1, all calls are let
 * through.
 */
const SHARE_PER_RATE = 10
/** The share of calls let through while no probe succeeds. */
const MINIMUM_SHARE = 0.1
/** After this many ms without an attempt, the next call is let through, whatever the share. */
const MAX_SILENCE_MS = 1_000
/** The weight of one early probe in the success rate. */
const RATE_WEIGHT = 0.1
/** After this many ms without an early probe, the success rate counts as 0 again. */
const RATE_MEMORY_MS = 30_000
/** After the last pick without a candidate, blocked endpoints still get early probes for this many ms. */
const SEARCH_FOR_MS = 5_000
/** How many endpoints a pick looks at, so that it stays fast in a large fleet. */
const MAX_LOOKS = 8

/** The part of a request that `LastResort` reads. */
export interface EarlyRequest {
  readonly now: number
  excluded(endpoint: LiveEndpoint): boolean
}

/**
 * A throttle for the time when no breaker admits a call. Instead of refusing all calls, it lets a share of them through as
 * early probes, on all endpoints in turn. The share follows the success rate of these probes: a service that is down gets a
 * tenth of its calls, and a service of which half works gets all of them. If it recovers, a probe notices within a second.
 *
 * For some time after the first breaker has closed, blocked endpoints still get early probes. Otherwise the first instance
 * that has recovered would get the calls of all.
 */
export class LastResort {
  /**
   * The success rate of recent early probes. It is kept when a breaker closes, because the breakers of a service of which half
   * works open and close in turn.
   */
  #rate = 0
  /** When the latest early probe ended, in ms of the clock. */
  #ratedAt = -Infinity
  /** Each call adds the share to it. A call that is let through takes 1 from it. */
  #credit = 0
  /** When a pick last had no candidate, in ms of the clock. */
  #noCandidateAt = -Infinity
  /** Makes picks use the endpoints in turn. */
  #turn = 0
  #lastProbeSucceeded = false
  readonly probes: EarlyProbes = new EarlyProbes()
  readonly #guard: Guard
  readonly #perInstance: number

  constructor(guard: Guard, perInstance: number) {
    this.#guard = guard
    this.#perInstance = perInstance
  }

  /**
   * Returns the share of calls that is let through while no endpoint may be picked, 0.1 to 1. After a success it is 1 until a
   * probe fails: calls to a service that has recovered must not be refused.
   */
  share(now: number): number {
    if (this.#lastProbeSucceeded) return 1
    const rate = now - this.#ratedAt > RATE_MEMORY_MS ? 0 : this.#rate
    return Math.min(Math.max(SHARE_PER_RATE * rate, MINIMUM_SHARE), 1)
  }

  /** Counts the result of an early probe that took `ms` milliseconds. */
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

  /** Called when an early probe that was counted as a success has failed after all. */
  amend(): void {
    this.#lastProbeSucceeded = false
    this.#rate = Math.max(0, this.#rate - RATE_WEIGHT)
  }

  /**
   * Returns the endpoint that this call should probe, or undefined to pick as usual. `list` has the endpoints that may be
   * picked, `blocked` those that a breaker blocks. `attemptAt` is when the latest attempt of the client began.
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
      // Balancers avoid endpoints that failed recently. So a half-open breaker would get no probe without this.
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

  /** Returns the next blocked endpoint that this call has not excluded, or else an excluded one. */
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
