import type { Endpoint } from './balancer.ts'

/** Next to nothing, but safe to divide by: an endpoint of weight 0 is a last resort. */
const LEAST = 1e-6

export function weightOf(endpoint: Endpoint): number {
  return Math.max(endpoint.weight, LEAST)
}
