import type { Outcome } from '../observe/events.ts'
import type { Endpoint } from './balancer.ts'
import { Strikes } from './strikes.ts'

/**
 * A smaller penalty counts as none. Fading never reaches 1, and if all other endpoints are idle, the smallest penalty
 * would exclude an endpoint forever.
 */
const NEGLIGIBLE = 1.1

/**
 * The failures that this client has seen, as a factor on the cost of each endpoint. It does not depend on what servers
 * report.
 */
export class Setbacks {
  readonly #strikes = new WeakMap<Endpoint, Strikes>()
  /** Avoids all look-ups before the first failure. */
  #any = false

  penalty(endpoint: Endpoint, now: number): number {
    if (!this.#any) return 1
    const penalty = this.#strikes.get(endpoint)?.penalty(now) ?? 1
    return penalty < NEGLIGIBLE ? 1 : penalty
  }

  settled(endpoint: Endpoint, outcome: Outcome, ms: number, now: number, status: number): void {
    if (outcome === 'success') {
      // A response with status 400 or above is no failure, but it does not reduce the penalty either.
      if (this.#any && status < 400) this.#strikes.get(endpoint)?.addSuccess(now - ms, now)
    } else if (outcome !== 'ignored') this.#add(endpoint, status, now - ms, now)
  }

  /** An attempt that was reported as a success has failed later. */
  amended(endpoint: Endpoint, ms: number, now: number): void {
    this.#add(endpoint, 0, now - ms, now)
  }

  #add(endpoint: Endpoint, status: number, started: number, now: number): void {
    this.#any = true
    let strikes = this.#strikes.get(endpoint)
    if (!strikes) this.#strikes.set(endpoint, (strikes = new Strikes()))
    if (status === 429) strikes.addRefusal(started, now)
    else strikes.addFailure(started, now)
  }
}
