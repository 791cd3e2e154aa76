import { vi } from 'vitest'

/** Resolves when `check` no longer throws; rejects after `timeout` ms. A busy machine gets longer than the second that `vi.waitFor` gives. */
export async function waitFor<T>(check: () => T | Promise<T>, timeout = 15_000): Promise<T> {
  return await vi.waitFor(check, { timeout, ...(!vi.isFakeTimers() && { interval: 5 }) })
}
