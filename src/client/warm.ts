import { warmUp } from '../attempt/warm-up.ts'
import { logicalAddress } from '../doors/plan/target.ts'
import type { WarmUp } from '../fleet/endpoint-warmer.ts'
import type { ClientOptions } from './options.ts'
import { requireTransportOptions } from './pool-settings.ts'

/** Returns how new instances are warmed; undefined if they are not. */
export function warmUpOf({ warm = 0, transport, service }: ClientOptions): WarmUp | undefined {
  if (warm === 0) return undefined
  requireTransportOptions(
    'warm',
    transport,
    'the client cannot open connections in the dispatchers that it makes',
  )
  const logical = logicalAddress(service)
  return (endpoint) => warmUp(endpoint.getPool(), endpoint.instance.url, logical, warm)
}
