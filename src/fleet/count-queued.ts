import type { Dispatcher } from '../undici.ts'

/** How many requests wait in a pool for one of its connections to come free; 0 for what is no pool of undici's. */
export function countQueued(pool: Dispatcher): number {
  const { stats } = pool as { readonly stats?: { readonly queued?: unknown; readonly connected?: unknown } }
  const { queued, connected } = stats ?? {}
  return typeof queued === 'number' && typeof connected === 'number' && connected > 0 ? queued : 0
}
