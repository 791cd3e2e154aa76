import type { Balancer, Endpoint, PickRequest } from '../balance/balancer.ts'
import { runsUserCode } from '../balance/own.ts'
import { disown } from '../hooks/disown.ts'
import { quote } from '../options.ts'
import type { Subset } from '../traffic/subset.ts'
import { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { mayStandIn } from './tier.ts'

/**
 * What the fleet writes into a request while it picks an endpoint for it. Each request has the room for it, so that a pick
 * allocates nothing. Only the fleet writes here.
 */
export interface PickNotes {
  /** When the pick was made, by the clock. */
  now: number
  /** Every endpoint that the call may go to, those included that may not be tried now. */
  all?: readonly LiveEndpoint[] | undefined
  /** To `excluded()` this one counts as tried, while the fleet looks for somebody else. */
  avoid?: Endpoint | undefined
}

/** What an attempt is acquired for. */
export interface AcquireRequest extends Omit<PickRequest, keyof PickNotes>, PickNotes {
  /** The instances that the call may go to; undefined: all of them. */
  readonly subset?: Subset | undefined
}

/** Asks the balancer, and looks past a choice that ramps up, is full or was tried before. */
export class Picker {
  readonly #balancer: Balancer
  /** Ours picks the only one that there is; one of the user's may pick none. */
  readonly #isOwn: boolean
  readonly #perInstance: number

  constructor(balancer: Balancer, perInstance: number) {
    this.#balancer = balancer
    this.#isOwn = !runsUserCode(balancer)
    this.#perInstance = perInstance
  }

  /** One of `list`, or of `all` where the call has tried all of `list`. */
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

  /** The first choice was tried before, or is full: somebody else, if there is anybody. */
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
    // A strategy of the user's may have kept an endpoint for longer than it lived.
    return picked?.removed ? undefined : picked
  }
}
