import type { Subset } from '../traffic/subset.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { View, type ViewPolicy } from './view.ts'

/** One view of all endpoints, and one for each subset that a call has used. */
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

  /** Makes new views with another policy. Panic and the state of throttles are lost. */
  reconfigure(policy: ViewPolicy, instanceGuard: Guard | undefined): void {
    this.#policy = policy
    this.#instanceGuard = instanceGuard
    this.#viewsBySubset.clear()
    this.#viewOfAll = new View(policy, instanceGuard)
    this.#viewOfAll.apply(this.#all)
  }

  /** The maximum number of attempts in flight on one endpoint. */
  get perInstance(): number {
    return this.#policy.perInstance
  }

  /** Sets the endpoints of the fleet. */
  apply(all: readonly LiveEndpoint[]): void {
    this.#all = all
    for (const view of this.#allViews()) view.apply(all)
  }

  /** Returns the view of a subset, or of all endpoints. */
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

  /** True if calls of this endpoint may go to another one in every view, because calls to a subset cannot leave it. */
  hasStandIn(endpoint: LiveEndpoint, guard: Guard, now: number): boolean {
    return [...this.#allViews()].every((view) => view.hasStandIn(endpoint, guard, now))
  }

  *#allViews(): Generator<View> {
    yield this.#viewOfAll
    yield* this.#viewsBySubset.values()
  }
}
