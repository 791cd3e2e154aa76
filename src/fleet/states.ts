import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { InstanceCounts, InstanceState } from '../observe/events.ts'
import { oneLine } from '../quote.ts'
import { tierOf } from './tier.ts'

/**
 * Returns the state of an endpoint, in the words of events and `explain()`. It depends on the tier and on the free
 * room.
 */
export function stateOf(
  endpoint: LiveEndpoint,
  guard: Guard | undefined,
  now: number,
  perInstance: number,
): InstanceState {
  const tier = tierOf(endpoint, guard, now)
  if (tier === 'isolated') return 'open'
  if (tier === 'blocked') return endpoint.isProbing(guard) ? 'probing' : 'open'
  if (endpoint.inFlight >= perInstance) return 'full'
  return tier === 'warming' ? 'available' : tier
}

/** Counts the instances by state. */
export function countStates(
  endpoints: readonly LiveEndpoint[],
  guard: Guard | undefined,
  now: number,
  perInstance: number,
): InstanceCounts {
  const counts = { total: 0, available: 0, open: 0, probing: 0, paused: 0, draining: 0, full: 0 }
  let unhealthy = 0
  for (const endpoint of endpoints) {
    counts.total++
    const state = stateOf(endpoint, guard, now, perInstance)
    if (state === 'unhealthy') unhealthy++
    else counts[state]++
  }
  return unhealthy > 0 ? { ...counts, unhealthy } : counts
}

/** Returns text such as `3 instances: 2 open, 1 probing`. */
export function describeCounts({ total, ...counts }: InstanceCounts): string {
  const parts = Object.entries(counts).flatMap(([state, count]) => (count > 0 ? `${count} ${state}` : []))
  const text = `${total} ${total === 1 ? 'instance' : 'instances'}`
  return parts.length > 0 ? `${text}: ${parts.join(', ')}` : text
}

/** Returns the latest failure of all these endpoints, as the cause of a refusal. */
export function lastFailure(endpoints: readonly LiveEndpoint[]): unknown {
  let last: LiveEndpoint | undefined
  for (const endpoint of endpoints) {
    if ((endpoint.lastFailure?.at ?? -Infinity) > (last?.lastFailure?.at ?? -Infinity)) last = endpoint
  }
  if (!last?.lastFailure) return undefined
  const { error, status } = last.lastFailure
  return error ?? new Error(`${oneLine(last.instance.id)} answered with ${status ?? 'a failure'}`)
}
