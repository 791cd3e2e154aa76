import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import type { Priority } from './priority.ts'
import { RollingCount } from './rolling-count.ts'

/** When calls are not sent because the service refuses most of them. */
export interface ThrottleOptions {
  /**
   * How many calls may be sent for each one the service accepts. Lower throttles sooner; at 1 it could not
   * find out that the service is well again.
   * @default 2
   */
  k?: number
  /** How far back calls are counted, in ms. @default 120_000 */
  window?: number
}

/** What a priority makes of the room between 1 and `k`. */
const LENIENCE: Readonly<Record<Priority, number>> = { critical: 2, default: 1, sheddable: 0.5 }

/**
 * Client-side throttling: a call that would in all likelihood be turned down is not sent, so that the service
 * need not spend its time on turning calls down.
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

  /** False: do not send this one. */
  admit(priority: Priority): boolean {
    const now = this.#clock.now()
    const isThrottled = this.#clock.random() < this.#probability(priority, now)
    // One that is sent is counted with its answer: a burst that is still on its way has not been turned down.
    if (isThrottled) this.#requests.add(now)
    return !isThrottled
  }

  /** The service answered: false if it was to say that it has too much to do. A call without answer is not recorded. */
  record(accepted: boolean): void {
    const now = this.#clock.now()
    this.#requests.add(now)
    if (accepted) this.#accepts.add(now)
  }

  /** How likely it is that a call is not sent. */
  probability(priority: Priority): number {
    return this.#probability(priority, this.#clock.now())
  }

  #probability(priority: Priority, now: number): number {
    const requests = this.#requests.sum(now)
    const k = 1 + (this.#k - 1) * LENIENCE[priority]
    return Math.max(0, (requests - k * this.#accepts.sum(now)) / (requests + 1))
  }
}
