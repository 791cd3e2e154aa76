import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/** The tiers that may be picked, best first. Calls go to the first tier that has endpoints. */
export const TIERS = ['available', 'warming', 'paused', 'draining', 'unhealthy'] as const

/**
 * How good an endpoint is for a call now. `blocked`: a breaker does not admit an attempt now. `isolated`: taken out by
 * hand.
 */
export type Tier = (typeof TIERS)[number] | 'blocked' | 'isolated'

/**
 * Returns the tier of an endpoint. Only this decides whether it may be picked. Limits and load are not part of it, see
 * `Picker`.
 */
export function tierOf(endpoint: LiveEndpoint, guard: Guard | undefined, now: number): Tier {
  if (endpoint.isolatedUntil > now) return 'isolated'
  if (endpoint.admitsAt(guard, now) > now) return 'blocked'
  if (endpoint.isUnhealthy) return 'unhealthy'
  if (isDraining(endpoint, now)) return 'draining'
  if (endpoint.penalisedUntil > now) return 'paused'
  return endpoint.warmingUntil > now ? 'warming' : 'available'
}

/** True if a call may go to this endpoint when the best tier has no room: not if unhealthy, blocked or isolated. */
export function mayStandIn(endpoint: LiveEndpoint, guard: Guard | undefined, now: number): boolean {
  const tier = tierOf(endpoint, guard, now)
  return tier !== 'unhealthy' && tier !== 'blocked' && tier !== 'isolated'
}

/** True if the instance is marked as draining, has a weight of 0, or was drained by hand. */
export function isDraining({ instance, drainedUntil }: LiveEndpoint, now: number): boolean {
  return instance.draining === true || instance.weight === 0 || drainedUntil > now
}

/** Returns when the endpoint leaves its tier if nothing else happens, in ms of the clock. Infinity means never. */
export function tierEndsAt(
  endpoint: LiveEndpoint,
  tier: Tier,
  guard: Guard | undefined,
  now: number,
): number {
  switch (tier) {
    case 'isolated':
    case 'blocked':
      return endpoint.admitsAt(guard, now)
    case 'draining':
      return endpoint.drainedUntil > now ? endpoint.drainedUntil : Infinity
    case 'paused':
      return endpoint.penalisedUntil
    case 'warming':
      return endpoint.warmingUntil
    default:
      return Infinity
  }
}
