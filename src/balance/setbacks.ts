import type { Outcome } from '../observe/events.ts'
import type { Endpoint } from './balancer.ts'
import { Strikes } from './strikes.ts'

/** What fades never quite ends: where all others are idle, the last of it would keep an endpoint out for ever. */
const NEGLIGIBLE = 1.1

/** The failures that this client has seen, as a factor on the cost of each endpoint: whatever a server says of itself. */
export class Setbacks {
  readonly #strikes = new WeakMap<Endpoint, Strikes>()
  /** Nothing is looked up before the first failure. */
  #any = false

  penalty(endpoint: Endpoint, now: number): number {
    if (!this.#any) return 1
    const penalty = this.#strikes.get(endpoint)?.penalty(now) ?? 1
    return penalty < NEGLIGIBLE ? 1 : penalty
  }

  settled(endpoint: Endpoint, outcome: Outcome, ms: number, now: number, status: number): void {
    if (outcome === 'success') {
      // An answer from 400 on is no failure, but forgives none either.
      if (this.#any && status < 400) this.#strikes.get(endpoint)?.forgive(now - ms, now)
    } else if (outcome !== 'ignored') this.#add(endpoint, status, now - ms, now)
  }

  /** A success was none after all. */
  amended(endpoint: Endpoint, ms: number, now: number): void {
    this.#add(endpoint, 0, now - ms, now)
  }

  #add(endpoint: Endpoint, status: number, started: number, now: number): void {
    this.#any = true
    let strikes = this.#strikes.get(endpoint)
    if (!strikes) this.#strikes.set(endpoint, (strikes = new Strikes()))
    if (status === 429) strikes.doubt(started, now)
    else strikes.add(started, now)
  }
}
