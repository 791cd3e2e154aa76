import type { Outcome } from './events.ts'

/** For what user code says. */
export function isOutcome(value: unknown): value is Outcome {
  return value === 'success' || value === 'failure' || value === 'overload' || value === 'ignored'
}
