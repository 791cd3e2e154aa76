import type { Balancer, Endpoint, PickRequest } from '../balance/balancer.ts'
import { runsUserCode } from '../balance/own.ts'
import { disown } from '../hooks/disown.ts'
import { quote } from '../options.ts'
import type { Subset } from '../traffic/subset.ts'
import { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { mayStandIn } from './tier.ts'

/**
 * The members of a request that the fleet writes while it picks an endpoint. They are part of the request, so that a pick
 * allocates nothing. Only the fleet writes them.
 */
export interface PickNotes {
  /** When the pick was made, in ms of the clock. */
  now: number
  /** All endpoints that the call may go to, including those that may not be picked now. */
  all?: readonly LiveEndpoint[] | undefined
  /** `excluded()` returns true for this one, while the fleet looks for another endpoint. */
  avoid?: Endpoint | undefined
}

/** The request for which an attempt is acquired. */
export interface AcquireRequest extends Omit<PickRequest, keyof PickNotes>, PickNotes {
  /** The instances that the call may go to. Undefined means all. */
  readonly subset?: Subset | undefined
}

/** Picks an endpoint with the balancer. Picks again if the endpoint ramps up, is full or is excluded. */
export class Picker {
  readonly #balancer: Balancer
  /**
   * True if the balancer runs no user code. Then it need not be called for a list of one endpoint. A user's may pick
   * none.
   */
  readonly #isOwn: boolean
  readonly #perInstance: number

  constructor(balancer: Balancer, perInstance: number) {
    this.#balancer = balancer
    this.#isOwn = !runsUserCode(balancer)
    this.#perInstance = perInstance
  }

  /** Picks one of `list`. If all of these are full or excluded, picks one of `all`. */
  pick(
    list: readonly LiveEndpoint[],
    all: readonly LiveEndpoint[],
    request: AcquireRequest,
    guard: Guard | undefined,
  ): LiveEndpoint | undefined {
    if (list.length === 0) return undefined
    let picked = this.#askBalancer(list, request)
    if (!picked) return undefined
    const share = picked.share(request.now)
    if (share < 1 && list.length > 1 && request.random() >= share) {
      request.avoid = picked
      picked = this.#askBalancer(list, request) ?? picked
      request.avoid = undefined
    }
    const isNew = request.attempt === 1 || !request.excluded(picked)
    return isNew && picked.inFlight < this.#perInstance
      ? picked
      : this.#pickOther(list, all, picked, request, guard)
  }

  /**
   * Picks another endpoint than `picked`, which is excluded or full. If there is none, an excluded one with room is
   * picked.
   */
  #pickOther(
    list: readonly LiveEndpoint[],
    all: readonly LiveEndpoint[],
    picked: LiveEndpoint,
    request: AcquireRequest,
    guard: Guard | undefined,
  ): LiveEndpoint | undefined {
    const hasRoom = (endpoint: LiveEndpoint): boolean => endpoint.inFlight < this.#perInstance
    const isUntried = (endpoint: LiveEndpoint): boolean => hasRoom(endpoint) && !request.excluded(endpoint)
    const others = list.filter(isUntried)
    if (others.length > 0) return this.#askBalancer(others, request)
    const lesser = all.filter((endpoint) => isUntried(endpoint) && mayStandIn(endpoint, guard, request.now))
    if (lesser.length > 0) return this.#askBalancer(lesser, request)
    return hasRoom(picked) ? picked : list.find(hasRoom)
  }

  #askBalancer(list: readonly LiveEndpoint[], request: AcquireRequest): LiveEndpoint | undefined {
    const isForced = this.#isOwn && list.length === 1
    const picked = isForced ? list[0] : this.#balancer.pick(list, request)
    if (picked !== undefined && !(picked instanceof LiveEndpoint)) {
      disown(picked)
      throw new TypeError(`balance must pick one of the endpoints it is given, got ${quote(picked)}`)
    }
    // A user's balancer may return an endpoint from an earlier pick that was removed since.
    return picked?.removed ? undefined : picked
  }
}
