import type { Clock } from '../clock.ts'
import type { Subset } from '../traffic/subset.ts'
import type { SubsetState } from '../traffic/traffic.ts'
import type { EarlyProbes } from './early-probes.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { AcquireRequest } from './picker.ts'
import { mayStandIn } from './tier.ts'
import type { Views } from './views.ts'

/** What a call could be sent to now. */
export interface Choices {
  readonly endpoints: ReadonlySet<LiveEndpoint>
  /** True if too few endpoints are admitted, so that breakers are ignored (`panicThreshold`). */
  readonly panic: boolean
}

/** Answers whether an endpoint is available for an attempt, now or soon. Picks and changes nothing. */
export class Availability {
  readonly #views: Views
  readonly #clock: Clock

  constructor(views: Views, clock: Clock) {
    this.#views = views
    this.#clock = clock
  }

  /**
   * True if there is an endpoint that the request does not exclude, that may be picked, has room and asked for no
   * pause.
   */
  hasOtherEndpoint(request: AcquireRequest, guard: Guard | undefined): boolean {
    const now = this.#clock.now()
    const { perInstance } = this.#views
    const isFree = ({ penalisedUntil, inFlight }: LiveEndpoint): boolean =>
      penalisedUntil <= now && inFlight < perInstance
    const view = this.#views.viewOf(request.subset)
    const list = view.candidatesOf(guard).list(view.all, now)
    return list.some((endpoint) => isFree(endpoint) && !request.excluded(endpoint))
  }

  /** Returns the endpoints that the first attempt of a call may get now. */
  choices(guard: Guard | undefined, subset: Subset | undefined): Choices {
    const now = this.#clock.now()
    const { perInstance } = this.#views
    const hasRoom = ({ inFlight }: LiveEndpoint): boolean => inFlight < perInstance
    const view = this.#views.viewOf(subset)
    const candidates = view.candidatesOf(guard)
    const first = candidates.list(view.all, now).filter(hasRoom)
    const endpoints =
      first.length > 0
        ? first
        : view.all.filter((endpoint) => hasRoom(endpoint) && mayStandIn(endpoint, guard, now))
    return { endpoints: new Set(endpoints), panic: candidates.panic }
  }

  /** True if an attempt that is acquired within the next `ms` milliseconds probably gets an endpoint. */
  isLikelyWithin(ms: number, guard: Guard | undefined, subset: Subset | undefined): boolean {
    const now = this.#clock.now()
    const view = this.#views.viewOf(subset)
    const candidates = view.candidatesOf(guard)
    if (candidates.list(view.all, now).length > 0 || candidates.dueAt <= now + ms) return true
    return candidates.blocked.length > 0 && candidates.lastResort?.share(now) === 1
  }

  /**
   * Returns the early probes whose result a call may wait for. Undefined if a breaker admits calls, or if there is no
   * throttle.
   */
  earlyProbes(guard: Guard | undefined, subset: Subset | undefined): EarlyProbes | undefined {
    const view = this.#views.viewOf(subset)
    return view.isDown(guard, this.#clock.now()) ? view.candidatesOf(guard).lastResort?.probes : undefined
  }

  /** Returns functions that read the state of a subset, for calls behind this guard. */
  subsetState(guard: Guard | undefined): SubsetState {
    return {
      isEmpty: (subset) => this.#views.viewOf(subset).all.length === 0,
      isDown: (subset) => this.#views.viewOf(subset).isDown(guard, this.#clock.now()),
    }
  }
}
