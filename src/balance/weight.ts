import type { Endpoint } from './balancer.ts'

/** Replaces weight 0. It makes an endpoint the last choice and is safe to divide by. */
const MIN_WEIGHT = 1e-6

export function weightOf(endpoint: Endpoint): number {
  return Math.max(endpoint.weight, MIN_WEIGHT)
}
