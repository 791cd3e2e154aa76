import type { Subset } from '../traffic/subset.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { View, type ViewPolicy } from './view.ts'

/** The view of all endpoints, and one for each subset that calls were sent to. */
export class Views {
  #policy: ViewPolicy
  #instanceGuard: Guard | undefined
  #all: readonly LiveEndpoint[] = []
  #viewOfAll: View
  /** By the key of the subset. */
  readonly #viewsBySubset = new Map<string, View>()

  constructor(policy: ViewPolicy, instanceGuard: Guard | undefined) {
    this.#policy = policy
    this.#instanceGuard = instanceGuard
    this.#viewOfAll = new View(policy, instanceGuard)
  }

  /** Begins again under another policy: panic and throttles are forgotten. */
  reconfigure(policy: ViewPolicy, instanceGuard: Guard | undefined): void {
    this.#policy = policy
    this.#instanceGuard = instanceGuard
    this.#viewsBySubset.clear()
    this.#viewOfAll = new View(policy, instanceGuard)
    this.#viewOfAll.apply(this.#all)
  }

  /** Attempts one endpoint may carry. */
  get perInstance(): number {
    return this.#policy.perInstance
  }

  /** All endpoints of the fleet are these. */
  apply(all: readonly LiveEndpoint[]): void {
    this.#all = all
    for (const view of this.#allViews()) view.apply(all)
  }

  /** What calls to a subset may go to; without one, all endpoints. */
  viewOf(subset: Subset | undefined): View {
    if (!subset) return this.#viewOfAll
    let view = this.#viewsBySubset.get(subset.key)
    if (!view) {
      view = new View(this.#policy, this.#instanceGuard, subset)
      view.apply(this.#all)
      this.#viewsBySubset.set(subset.key, view)
    }
    return view
  }

  invalidate(): void {
    for (const view of this.#allViews()) view.invalidate()
  }

  /** Whether others may take the calls of an endpoint, in each view: calls to a subset cannot go to the rest. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard, now: number): boolean {
    return [...this.#allViews()].every((view) => view.hasStandIn(endpoint, guard, now))
  }

  *#allViews(): Generator<View> {
    yield this.#viewOfAll
    yield* this.#viewsBySubset.values()
  }
}
