import type { Dispatcher } from '../undici.ts'

/**
 * Returns how many requests wait in a pool for a free connection. Returns 0 if it is not a pool of undici, or has no
 * connection yet.
 */
export function countQueued(pool: Dispatcher): number {
  const { stats } = pool as { readonly stats?: { readonly queued?: unknown; readonly connected?: unknown } }
  const { queued, connected } = stats ?? {}
  return typeof queued === 'number' && typeof connected === 'number' && connected > 0 ? queued : 0
}
