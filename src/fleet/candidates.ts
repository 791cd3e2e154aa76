import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { LastResort } from './last-resort.ts'

const NONE: readonly LiveEndpoint[] = []

/**
 * The endpoints that may be picked under one guard, kept as an array whose identity changes only with the
 * set. Breakers own no timers, so the set also remembers when the next of the refused ones is due.
 */
export class Candidates {
  /** True when too few endpoints were admitted and breakers are ignored. */
  panic = false
  /** The clock's time at which an endpoint left out may come back by itself. */
  dueAt: number = Infinity
  /** Those that wait for their breaker. */
  shut: readonly LiveEndpoint[] = NONE
  /** What becomes of calls when nobody is admitted; undefined: they are refused. */
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
    // Best first: a list is used only when all lists before it are empty.
    const available: LiveEndpoint[] = []
    const warming: LiveEndpoint[] = []
    const paused: LiveEndpoint[] = []
    const reserve: LiveEndpoint[] = []
    const unhealthy: LiveEndpoint[] = []
    const shut: LiveEndpoint[] = []
    const shutReserve: LiveEndpoint[] = []
    let dueAt = Infinity
    let admitted = 0
    let isolated = 0
    for (const endpoint of all) {
      if (endpoint.isolatedUntil > now) {
        // Isolated by hand: it is not picked, and gets no early probe.
        dueAt = Math.min(dueAt, endpoint.isolatedUntil)
        isolated++
        continue
      }
      if (endpoint.drainedUntil > now) dueAt = Math.min(dueAt, endpoint.drainedUntil)
      const at = endpoint.admitsAt(this.#guard, now)
      if (at > now) {
        dueAt = Math.min(dueAt, at)
        // An instance that is isolated by hand gets no early probe.
        if (at < Infinity) (isReserve(endpoint, now) ? shutReserve : shut).push(endpoint)
        continue
      }
      if (endpoint.isUnhealthy) {
        unhealthy.push(endpoint)
        continue
      }
      admitted++
      if (isReserve(endpoint, now)) reserve.push(endpoint)
      else if (endpoint.penalisedUntil > now) {
        dueAt = Math.min(dueAt, endpoint.penalisedUntil)
        paused.push(endpoint)
      } else if (endpoint.warmingUntil > now) {
        dueAt = Math.min(dueAt, endpoint.warmingUntil)
        warming.push(endpoint)
      } else available.push(endpoint)
    }
    const there = isolated === 0 ? all : all.filter((endpoint) => endpoint.isolatedUntil <= now)
    this.panic = admitted < there.length * this.#panicThreshold
    const tiers = [available, warming, paused, reserve, unhealthy]
    const next = this.panic ? there : (tiers.find((tier) => tier.length > 0) ?? NONE)
    if (!sameEndpoints(this.#list, next)) this.#list = next
    this.shut = this.panic ? NONE : shut.length > 0 ? shut : shutReserve
    this.dueAt = dueAt
    this.#stale = false
  }
}

/** Whether it is picked only when no other endpoint is available. */
function isReserve({ instance, drainedUntil }: LiveEndpoint, now: number): boolean {
  return instance.draining === true || instance.weight === 0 || drainedUntil > now
}

function sameEndpoints(a: readonly LiveEndpoint[], b: readonly LiveEndpoint[]): boolean {
  return a.length === b.length && a.every((endpoint, index) => endpoint === b[index])
}
