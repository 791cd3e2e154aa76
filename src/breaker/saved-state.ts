import { checkNumber, checkObject, quote } from '../options.ts'
import type { Breaker } from './breaker.ts'
import type { CircuitBreakerState } from './standalone-types.ts'

/** The largest `growth` that `restore()` accepts: `factor` applied more often makes no difference. */
const MAX_GROWTH = 1_000

/** The state of a breaker as plain JSON, for a later process. */
export function saveState(breaker: Breaker, now: number): CircuitBreakerState {
  if (breaker.isIsolated) return { state: 'isolated' }
  if (breaker.state === 'closed') return { state: 'closed' }
  const retryAfter = breaker.nextAdmit(now) - now
  // A probe that hangs belongs to this process: another process may probe at once.
  const { growth } = breaker
  const state = { state: 'open', retryAfter: retryAfter === Infinity ? 0 : retryAfter } as const
  return growth > 0 ? { ...state, growth } : state
}

/** What the state asks for: how long to stay open, in ms, and how far the open time has grown. Throws for a wrong state. */
export function checkState(
  state: CircuitBreakerState,
): 'closed' | 'isolated' | { readonly openFor: number; readonly growth: number } {
  checkObject('restore()', state, ['state', 'retryAfter', 'growth'])
  if (state.state === 'closed' || state.state === 'isolated') return state.state
  if (state.state !== 'open') {
    const { state: given } = state as { state?: unknown }
    throw new TypeError(`restore() takes 'closed', 'open' or 'isolated', got ${quote(given)}`)
  }
  const retryAfter = checkNumber('restore().retryAfter', state.retryAfter)
  const growth = checkNumber('restore().growth', state.growth ?? 0, { integer: true, max: MAX_GROWTH })
  return { openFor: Math.max(retryAfter, 1), growth }
}
