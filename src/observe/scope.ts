import { AsyncResource } from 'node:async_hooks'

/**
 * The async context of one call. undici runs its handlers in the context in which the connection was opened, and a
 * shared timer runs in the context in which it was set. Code that must run in the context of its own call runs in this
 * scope.
 */
export type Scope = AsyncResource

/**
 * Captures the current async context. `AsyncLocalStorage.snapshot()` does the same, but costs more than an entire
 * attempt.
 */
export function captureScope(): Scope {
  return new AsyncResource('OutriggerCall', { requireManualDestroy: true })
}

/** A context outside every call, for work that belongs to no call. So it cannot carry the identity of a caller. */
export const outsideCalls: Scope = captureScope()
