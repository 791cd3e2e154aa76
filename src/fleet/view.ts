import type { Subset } from '../traffic/subset.ts'
import { Candidates } from './candidates.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { LastResort } from './last-resort.ts'

/** `throttle`: a part of the calls is let through; `refuse`: none is. */
export type WhenAllOpen = 'throttle' | 'refuse'

export interface ViewPolicy {
  /** The instance's own breaker first, if the client has one, then one per route with its own. */
  readonly guards: readonly Guard[]
  readonly panicThreshold: number
  /** What becomes of calls while every breaker is open. */
  readonly whenAllOpen: WhenAllOpen
  /** Attempts one endpoint may carry; Infinity for any number. */
  readonly perInstance: number
}

/**
 * The endpoints that a call may go to, all of them or one subset, and who of them may be picked under each guard. Panic and
 * the throttle for when all are open are its own.
 */
export class View {
  all: readonly LiveEndpoint[] = []
  readonly #subset: Subset | undefined
  readonly #unguarded: Candidates
  readonly #candidates: Candidates[] = []

  constructor(policy: ViewPolicy, instanceGuard: Guard | undefined, subset?: Subset) {
    const { guards, panicThreshold } = policy
    this.#subset = subset
    this.#unguarded = new Candidates(undefined, 0)
    for (const guard of guards) {
      const lastResort = lastResortOf(guard, instanceGuard, policy)
      this.#candidates[guard.index] = new Candidates(guard, panicThreshold, lastResort)
    }
  }

  /** All endpoints of the fleet are these. */
  apply(all: readonly LiveEndpoint[]): void {
    const subset = this.#subset
    this.all = subset ? all.filter(({ instance }) => subset.has(instance)) : all
    this.invalidate()
  }

  invalidate(): void {
    this.#unguarded.invalidate()
    for (const candidates of this.#candidates) candidates?.invalidate()
  }

  /** Whether none of them may be picked. */
  isDown(guard: Guard | undefined, now: number): boolean {
    return this.candidatesOf(guard).list(this.all, now).length === 0
  }

  /** Whether somebody else may take the calls of an endpoint; true for what is not in here. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard, now: number): boolean {
    const subset = this.#subset
    if (subset && !subset.has(endpoint.instance)) return true
    const list = this.candidatesOf(guard).list(this.all, now)
    return list.length > 1 || (list.length === 1 && list[0] !== endpoint)
  }

  candidatesOf(guard: Guard | undefined): Candidates {
    return (guard && this.#candidates[guard.index]) ?? this.#unguarded
  }
}

/** None where a fixed open time is promised. */
function lastResortOf(
  guard: Guard,
  instanceGuard: Guard | undefined,
  { whenAllOpen, perInstance }: ViewPolicy,
): LastResort | undefined {
  const isFixed = guard.policy.opensForFixed || instanceGuard?.policy.opensForFixed === true
  return whenAllOpen === 'refuse' || isFixed ? undefined : new LastResort(guard, perInstance)
}
