import { AsyncResource } from 'node:async_hooks'

/**
 * The async context of one call. undici runs its handlers in the context of whoever opened the connection, a shared timer
 * in that of whoever armed it: user code must see the context of its own call.
 */
export type Scope = AsyncResource

/** Cheaper than `AsyncLocalStorage.snapshot()`, which costs more than a whole attempt. */
export function captureScope(): Scope {
  return new AsyncResource('OutriggerCall', { requireManualDestroy: true })
}

/** The context of no call, for what belongs to none: better no identity than another caller's. */
export const nobody: Scope = captureScope()
