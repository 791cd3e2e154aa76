import { Refusals } from '../balance/refusals.ts'
import { isSameIncident, type Incident } from '../verdict/incident.ts'

/** A failed attempt. `at` is when it ended, in ms of the clock. */
export interface Failure {
  readonly at: number
  readonly status: number | undefined
  readonly error: unknown
}

/** The latest failure and incident of one endpoint. Made with the first failure, so most endpoints have none. */
export class Failures {
  latest: Failure | undefined = undefined
  #incident: Incident | undefined = undefined
  /** Made with the first 429. */
  #refusals: Refusals | undefined = undefined

  /**
   * True if a failure now, of an attempt that began at `startedAt`, begins a new incident. `spreads` is true for connections,
   * which may break one after the other.
   */
  isNewIncident(startedAt: number, now: number, spreads: boolean): boolean {
    const incident = this.#incident
    if (incident && isSameIncident(incident, startedAt, now, spreads)) {
      incident.lastAt = now
      return false
    }
    this.#incident = { firstAt: now, lastAt: now }
    return true
  }

  /**
   * Counts a 429. Returns true if so many requests get one that its pause concerns the instance, and not only one
   * requester.
   */
  countRefusal(): boolean {
    return (this.#refusals ??= new Refusals()).count(true)
  }

  /** Counts a success: it lowers the share of 429 responses. */
  countSuccess(): void {
    this.#refusals?.count(false)
  }
}
