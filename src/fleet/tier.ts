import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

/** Best first: calls go to the first tier that has endpoints. */
export const TIERS = ['available', 'warming', 'paused', 'draining', 'unhealthy'] as const

/** How good an endpoint is for a call now. `blocked`: a breaker admits nothing. `isolated`: taken out by hand. */
export type Tier = (typeof TIERS)[number] | 'blocked' | 'isolated'

/** The one place that decides whether an endpoint may be picked. Room and load are the picker's concern. */
export function tierOf(endpoint: LiveEndpoint, guard: Guard | undefined, now: number): Tier {
  if (endpoint.isolatedUntil > now) return 'isolated'
  if (endpoint.admitsAt(guard, now) > now) return 'blocked'
  if (endpoint.isUnhealthy) return 'unhealthy'
  if (isDraining(endpoint, now)) return 'draining'
  if (endpoint.penalisedUntil > now) return 'paused'
  return endpoint.warmingUntil > now ? 'warming' : 'available'
}

/** Whether a call that finds no room in the first tier may go there: every tier but the unhealthy. */
export function mayStandIn(endpoint: LiveEndpoint, guard: Guard | undefined, now: number): boolean {
  const tier = tierOf(endpoint, guard, now)
  return tier !== 'unhealthy' && tier !== 'blocked' && tier !== 'isolated'
}

/** Whether its instance is leaving, has a weight of 0, or was drained by hand. */
export function isDraining({ instance, drainedUntil }: LiveEndpoint, now: number): boolean {
  return instance.draining === true || instance.weight === 0 || drainedUntil > now
}

/** The clock's time at which the endpoint leaves its tier if nothing else happens; Infinity: it stays. */
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
