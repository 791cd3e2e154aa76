import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import type { InstanceCounts, InstanceState } from '../observe/events.ts'
import { oneLine } from '../quote.ts'

/** What stands in the way of picking an endpoint, if anything does. */
export function stateOf(
  endpoint: LiveEndpoint,
  guard: Guard | undefined,
  now: number,
  perInstance: number,
): InstanceState {
  if (endpoint.admitsAt(guard, now) > now) return endpoint.isProbing(guard) ? 'probing' : 'open'
  if (endpoint.inFlight >= perInstance) return 'full'
  if (endpoint.isUnhealthy) return 'unhealthy'
  const { draining, weight } = endpoint.instance
  if (draining || weight === 0 || endpoint.drainedUntil > now) return 'draining'
  return endpoint.penalisedUntil > now ? 'paused' : 'available'
}

/** How many instances are in which state. */
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

/** `3 instances: 2 open, 1 probing` */
export function describeCounts({ total, ...counts }: InstanceCounts): string {
  const parts = Object.entries(counts).flatMap(([state, count]) => (count > 0 ? `${count} ${state}` : []))
  const text = `${total} ${total === 1 ? 'instance' : 'instances'}`
  return parts.length > 0 ? `${text}: ${parts.join(', ')}` : text
}

/** The last failure of any of them, as the cause of a refusal. */
export function lastFailure(endpoints: readonly LiveEndpoint[]): unknown {
  let last: LiveEndpoint | undefined
  for (const endpoint of endpoints) {
    if ((endpoint.lastFailure?.at ?? -Infinity) > (last?.lastFailure?.at ?? -Infinity)) last = endpoint
  }
  if (!last?.lastFailure) return undefined
  const { error, status } = last.lastFailure
  return error ?? new Error(`${oneLine(last.instance.id)} answered with ${status ?? 'a failure'}`)
}
