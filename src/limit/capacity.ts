import type { Outcome } from '../observe/events.ts'

/** How many calls may be in flight at once, and what is learnt from how they end. */
export interface Capacity {
  /** A whole number, at least 1. */
  readonly limit: number
  /** A call begins, the `inFlight`th; the returned mark comes back with its end. */
  begin(inFlight: number): number
  end(mark: number, outcome: Outcome, ms: number): void
}

/** A limit that never changes. */
export function fixedCapacity(limit: number): Capacity {
  return { limit, begin: () => 0, end: () => {} }
}
