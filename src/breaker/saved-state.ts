import { checkNumber, checkObject, quote } from '../options.ts'
import type { Breaker } from './breaker.ts'
import type { CircuitBreakerState } from './standalone-types.ts'

/** The largest `growth` that `restore()` accepts. More steps make no difference. */
const MAX_GROWTH = 1_000

/** Returns the state of a breaker as plain JSON, for a later process. */
export function saveState(breaker: Breaker, now: number): CircuitBreakerState {
  if (breaker.isIsolated) return { state: 'isolated' }
  if (breaker.state === 'closed') return { state: 'closed' }
  const retryAfter = breaker.nextAdmit(now) - now
  // A probe that hangs belongs to this process. Another process may probe at once.
  const { growth } = breaker
  const state = { state: 'open', retryAfter: retryAfter === Infinity ? 0 : retryAfter } as const
  return growth > 0 ? { ...state, growth } : state
}

/**
 * Returns what to restore: how long to stay open in milliseconds, and the growth of the open time. Throws if the state is not
 * valid.
 */
export function checkState(
  state: CircuitBreakerState,
): 'closed' | 'isolated' | { readonly openFor: number; readonly growth: number } {
  checkObject('restore()', state, ['state', 'retryAfter', 'growth'])
  if (state.state === 'closed' || state.state === 'isolated') return state.state
  if (state.state !== 'open') {
    const { state: given } = state as { state?: unknown }
    throw new TypeError(`restore().state must be 'closed', 'open' or 'isolated', got ${quote(given)}`)
  }
  const retryAfter = checkNumber('restore().retryAfter', state.retryAfter)
  const growth = checkNumber('restore().growth', state.growth ?? 0, { integer: true, max: MAX_GROWTH })
  return { openFor: Math.max(retryAfter, 1), growth }
}
