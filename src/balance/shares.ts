import type { Endpoint } from './balancer.ts'
import { weightOf } from './weight.ts'

/** A part of the endpoints and the share of requests, 0 to 1, that goes there. */
export interface Part {
  readonly endpoints: readonly Endpoint[]
  readonly share: number
}

/** The part a number in [0, 1) falls into, when the shares add up to 1. */
export function partAt(parts: readonly Part[], at: number): readonly Endpoint[] {
  let rest = at
  for (const { endpoints, share } of parts) {
    if (rest < share) return endpoints
    rest -= share
  }
  // Rounding may leave a crumb; it belongs to whoever has a share at all.
  return parts.find(({ share }) => share > 0)?.endpoints ?? []
}

export function capacity(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, endpoint) => sum + weightOf(endpoint), 0)
}
