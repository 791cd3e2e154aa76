import type { Outcome } from '../observe/events.ts'

/** The limit of concurrent calls. It may change with the results of calls. */
export interface Capacity {
  /** An integer of at least 1. */
  readonly limit: number
  /** Called when a call begins. `inFlight` includes it. The returned mark is passed to `end`. */
  begin(inFlight: number): number
  end(mark: number, outcome: Outcome, ms: number): void
}

/** A limit that never changes. */
export function fixedCapacity(limit: number): Capacity {
  return { limit, begin: () => 0, end: () => {} }
}
