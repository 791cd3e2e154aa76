import type { Endpoint } from './balancer.ts'
import { weightOf } from './weight.ts'

/** Some of the endpoints and their share of the requests, 0 to 1. */
export interface Part {
  readonly endpoints: readonly Endpoint[]
  readonly share: number
}

/** Returns the part that a number in [0, 1) falls into. The shares must add up to 1. */
export function partAt(parts: readonly Part[], at: number): readonly Endpoint[] {
  let rest = at
  for (const { endpoints, share } of parts) {
    if (rest < share) return endpoints
    rest -= share
  }
  // By rounding, the shares may add up to slightly less than 1.
  return parts.find(({ share }) => share > 0)?.endpoints ?? []
}

export function capacity(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, endpoint) => sum + weightOf(endpoint), 0)
}
