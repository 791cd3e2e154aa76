import { Refusals } from '../balance/refusals.ts'
import { isSameIncident, type Incident } from '../verdict/incident.ts'

/** A failed attempt; `at` is when it ended, by the clock. */
export interface Failure {
  readonly at: number
  readonly status: number | undefined
  readonly error: unknown
}

/** The failures of one endpoint, and what they have in common. An endpoint that never failed has none. */
export class Failures {
  latest: Failure | undefined = undefined
  #incident: Incident | undefined = undefined
  /** Made with the first 429. */
  #refusals: Refusals | undefined = undefined

  /**
   * Whether an attempt begun at `startedAt` that fails now is an incident of its own. `spreads`: as connections that break
   * one after the other.
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

  /** Counts a 429. False: the pause that it asks for concerns its requester, and not the instance. */
  countRefusal(): boolean {
    return (this.#refusals ??= new Refusals()).count(true)
  }

  countSuccess(): void {
    this.#refusals?.count(false)
  }
}
