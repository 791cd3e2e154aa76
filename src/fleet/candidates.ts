import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { LastResort } from './last-resort.ts'
import { isDraining, tierEndsAt, tierOf, TIERS, type Tier } from './tier.ts'

const NONE: readonly LiveEndpoint[] = []

/**
 * The endpoints that may be picked under one guard. The array stays the same object while its members are the same, because
 * balancers remember it. Breakers have no timers, so this also knows when the list must be made again.
 */
export class Candidates {
  /** True if too few endpoints were admitted, so that breakers are ignored. */
  panic = false
  /** When the first endpoint changes its tier if nothing else happens, in ms of the clock. */
  dueAt: number = Infinity
  /** The endpoints that a breaker blocks and that early probes may go to. Empty in panic. */
  blocked: readonly LiveEndpoint[] = NONE
  /** Lets some calls through while no breaker admits any. Undefined means that all are refused. */
  readonly lastResort: LastResort | undefined
  #list: readonly LiveEndpoint[] = NONE
  #stale = true
  readonly #guard: Guard | undefined
  readonly #panicThreshold: number

  constructor(guard: Guard | undefined, panicThreshold: number, lastResort?: LastResort) {
    this.#guard = guard
    this.#panicThreshold = panicThreshold
    this.lastResort = lastResort
  }

  invalidate(): void {
    this.#stale = true
  }

  list(all: readonly LiveEndpoint[], now: number): readonly LiveEndpoint[] {
    if (this.#stale || now >= this.dueAt) this.#rebuild(all, now)
    return this.#list
  }

  #rebuild(all: readonly LiveEndpoint[], now: number): void {
    const byTier: Record<Tier, LiveEndpoint[]> = {
      available: [],
      warming: [],
      paused: [],
      draining: [],
      unhealthy: [],
      blocked: [],
      isolated: [],
    }
    this.dueAt = Infinity
    for (const endpoint of all) {
      const tier = tierOf(endpoint, this.#guard, now)
      byTier[tier].push(endpoint)
      this.dueAt = Math.min(this.dueAt, tierEndsAt(endpoint, tier, this.#guard, now))
    }
    const { unhealthy, blocked, isolated } = byTier
    const selectable = all.length - isolated.length
    const admitted = selectable - blocked.length - unhealthy.length
    this.panic = admitted < selectable * this.#panicThreshold
    const best = TIERS.map((tier) => byTier[tier]).find((tier) => tier.length > 0)
    const next = this.panic ? filterNotIsolated(all, now) : (best ?? NONE)
    if (!sameEndpoints(this.#list, next)) this.#list = next
    this.blocked = this.panic ? NONE : filterProbeable(blocked, this.#guard, now)
    this.#stale = false
  }
}

/**
 * Returns the blocked endpoints that early probes may go to. Leaves out those whose breaker is open until it is reset by
 * hand, and draining ones unless there are no others.
 */
function filterProbeable(
  blocked: readonly LiveEndpoint[],
  guard: Guard | undefined,
  now: number,
): readonly LiveEndpoint[] {
  const timed = blocked.filter((endpoint) => endpoint.admitsAt(guard, now) < Infinity)
  const staying = timed.filter((endpoint) => !isDraining(endpoint, now))
  return staying.length > 0 ? staying : timed
}

function filterNotIsolated(all: readonly LiveEndpoint[], now: number): readonly LiveEndpoint[] {
  return all.filter(({ isolatedUntil }) => isolatedUntil <= now)
}

function sameEndpoints(a: readonly LiveEndpoint[], b: readonly LiveEndpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, index) => endpoint === b[index])
}
