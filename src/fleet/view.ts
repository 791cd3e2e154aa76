import type { Subset } from '../traffic/subset.ts'
import { Candidates } from './candidates.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { LastResort } from './last-resort.ts'

/** `throttle`: a share of the calls is let through. `refuse`: all calls are refused. */
export type WhenAllOpen = 'throttle' | 'refuse'

export interface ViewPolicy {
  /** The guard of the instance's breaker, if the client has one, then one for each route with breaker options. */
  readonly guards: readonly Guard[]
  readonly panicThreshold: number
  /** What happens to calls while all breakers are open. */
  readonly whenAllOpen: WhenAllOpen
  /** The maximum number of attempts in flight on one endpoint. Infinity means no limit. */
  readonly perInstance: number
}

/**
 * All endpoints, or those of one subset, with the candidates among them for each guard. Each view decides about panic and
 * throttles its calls by its own endpoints only.
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

  /** Sets the endpoints of the fleet. */
  apply(all: readonly LiveEndpoint[]): void {
    const subset = this.#subset
    this.all = subset ? all.filter(({ instance }) => subset.has(instance)) : all
    this.invalidate()
  }

  invalidate(): void {
    this.#unguarded.invalidate()
    for (const candidates of this.#candidates) candidates?.invalidate()
  }

  /** True if no endpoint of the view may be picked. */
  isDown(guard: Guard | undefined, now: number): boolean {
    return this.candidatesOf(guard).list(this.all, now).length === 0
  }

  /** True if calls of this endpoint may go to another one. Also true if the endpoint is not in this view. */
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

/** Returns undefined if `openFor` is a number, because then no probe may come before its time has passed. */
function lastResortOf(
  guard: Guard,
  instanceGuard: Guard | undefined,
  { whenAllOpen, perInstance }: ViewPolicy,
): LastResort | undefined {
  const isFixed = guard.policy.opensForFixed || instanceGuard?.policy.opensForFixed === true
  return whenAllOpen === 'refuse' || isFixed ? undefined : new LastResort(guard, perInstance)
}
