import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import type { Priority } from './priority.ts'
import { RollingCount } from './rolling-count.ts'

/** Calls are not sent while the service refuses most of them. */
export interface ThrottleOptions {
  /**
   * How many calls may be sent for each accepted one. With a lower value, throttling starts sooner. It must be above 1:
   * otherwise the client could not detect that the service has recovered.
   * @default 2
   */
  k?: number
  /** The time for which calls are counted, in milliseconds. @default 120_000 */
  window?: number
}

/** The factor on `k - 1` for each priority. */
const ROOM_FACTOR: Readonly<Record<Priority, number>> = {
  critical: 2,
  default: 1,
  sheddable: 0.5,
}

/**
 * Client-side throttling. A call that the service would probably refuse is not sent, so the service need not spend time
 * on refusing it.
 *
 *     p(throttle) = max(0, (requests − k × accepts) / (requests + 1))
 *
 * @example
 * if (!throttle.admit('default')) throw new ThrottledError('…')
 * throttle.record(response.status !== 429)
 */
export class Throttle {
  readonly #k: number
  readonly #clock: Clock
  readonly #requests: RollingCount
  readonly #accepts: RollingCount

  constructor(options: ThrottleOptions, clock: Clock, name: string = 'throttle') {
    checkObject(name, options, ['k', 'window'])
    const { k = 2, window = 120_000 } = options
    this.#k = checkNumber(`${name}.k`, k, { min: 1, exclusive: true })
    const ms = checkNumber(`${name}.window`, checkNumber(`${name}.window`, window, { exclusive: true }), {
      min: 1,
    })
    this.#clock = clock
    this.#requests = new RollingCount(ms, clock.now())
    this.#accepts = new RollingCount(ms, clock.now())
  }

  /** Returns false if the call must not be sent. */
  admit(priority: Priority): boolean {
    const now = this.#clock.now()
    const isThrottled = this.#clock.random() < this.#probability(priority, now)
    // A call that is sent is counted when its response arrives. So calls in flight do not count as refused.
    if (isThrottled) this.#requests.add(now)
    return !isThrottled
  }

  /**
   * Counts a response. `accepted` is false if the service refused the call because of overload. A call without a
   * response is not counted.
   */
  record(accepted: boolean): void {
    const now = this.#clock.now()
    this.#requests.add(now)
    if (accepted) this.#accepts.add(now)
  }

  /** The probability that a call is not sent. */
  probability(priority: Priority): number {
    return this.#probability(priority, this.#clock.now())
  }

  #probability(priority: Priority, now: number): number {
    const requests = this.#requests.sum(now)
    const k = 1 + (this.#k - 1) * ROOM_FACTOR[priority]
    return Math.max(0, (requests - k * this.#accepts.sum(now)) / (requests + 1))
  }
}
