import type { Outcome } from './events.ts'

/** Checks an outcome that user code has returned. */
export function isOutcome(value: unknown): value is Outcome {
  return value === 'success' || value === 'failure' || value === 'overload' || value === 'ignored'
}
