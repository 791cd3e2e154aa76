import type { Outcome } from '../observe/events.ts'
import { EarlyProbes } from './early-probes.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/** The share let through is this many times the success rate: from a tenth on, nothing is refused any more. */
const MULTIPLE = 10
/** The share let through when nothing succeeds. */
const FLOOR = 0.1
/** Milliseconds without any attempt after which a call is let through, whatever the share. */
const LONGEST_WAIT = 1_000
/** How much the result of one early probe moves the success rate. */
const WEIGHT = 0.1
/** Milliseconds without an early probe after which the success rate says nothing any more. */
const MEMORY = 30_000
/** Milliseconds after the last moment without any candidate in which the others are still looked for. */
const AFTERMATH = 5_000
/** How many endpoints a pick looks at: it must not search through a large fleet. */
const LOOKS = 8

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
  #nobodyAt = -Infinity
  #turn = 0
  /** Whether the latest early probe that ended was a success. */
  #isBack = false
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
    if (this.#isBack) return 1
    const rate = now - this.#ratedAt > MEMORY ? 0 : this.#rate
    return Math.min(Math.max(MULTIPLE * rate, FLOOR), 1)
  }

  /** How an early probe ended, after `ms`. */
  count(outcome: Outcome, ms: number, now: number): void {
    if (outcome !== 'ignored') this.#count(outcome, now)
    this.probes.ended(outcome, ms)
  }

  #count(outcome: Outcome, now: number): void {
    this.#isBack = outcome === 'success'
    if (now - this.#ratedAt > MEMORY) this.#rate = 0
    this.#rate += ((outcome === 'success' ? 1 : 0) - this.#rate) * WEIGHT
    this.#ratedAt = now
  }

  /** An early probe that was counted as a success turned out a failure. */
  amend(): void {
    this.#isBack = false
    this.#rate = Math.max(0, this.#rate - WEIGHT)
  }

  /**
   * The endpoint that this call should probe, or undefined to pick as usual. `list` are the endpoints that may be
   * picked, `shut` those that wait for their breaker; `attemptAt` is when the client's latest attempt began.
   */
  pick(
    list: readonly LiveEndpoint[],
    shut: readonly LiveEndpoint[],
    request: EarlyRequest,
    attemptAt: number,
  ): LiveEndpoint | undefined {
    const { now } = request
    if (list.length === 0) this.#nobodyAt = now
    else if (shut.length === 0 || now - this.#nobodyAt > AFTERMATH) return undefined
    if (list.length === 0)
      return this.#isLetThrough(this.share(now)) || now - attemptAt >= LONGEST_WAIT
        ? this.#next(shut, request)
        : undefined
    const turn = this.#turn++ % (list.length + shut.length)
    if (turn < list.length) {
      const endpoint = list[turn]
      // Balancers keep away from what failed last: a breaker that is half-open would wait for its probes.
      const isWanted = endpoint && !endpoint.allClosed() && endpoint.inFlight < this.#perInstance
      return isWanted && !request.excluded(endpoint) ? endpoint : undefined
    }
    return this.#isLetThrough(FLOOR) ? this.#next(shut, request) : undefined
  }

  #isLetThrough(share: number): boolean {
    this.#credit += share
    if (this.#credit < 1) return false
    this.#credit--
    return true
  }

  #next(shut: readonly LiveEndpoint[], request: EarlyRequest): LiveEndpoint | undefined {
    let tried: LiveEndpoint | undefined
    for (let look = 0; look < Math.min(LOOKS, shut.length); look++) {
      const endpoint = shut[this.#turn++ % shut.length]
      if (!endpoint?.admitsEarly(this.#guard, request.now) || endpoint.inFlight >= this.#perInstance) continue
      if (!request.excluded(endpoint)) return endpoint
      tried = endpoint
    }
    return tried
  }
}
