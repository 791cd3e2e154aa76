const ignore = (): void => {}

/**
 * Handles the rejection of a promise that nothing awaits. A user function that is async by mistake returns a promise,
 * and an unhandled rejection would end the process. Returns true if the value is a promise, also one of another realm
 * or library.
 */
export function disown(value: unknown, onRejected: (error: unknown) => void = ignore): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    // Reading `then` may throw, for example in a getter or a Proxy.
    if (typeof (value as { then?: unknown }).then !== 'function') return false
    Promise.resolve(value as PromiseLike<unknown>)
      .then(undefined, onRejected)
      .catch(ignore)
    return true
  } catch {
    return false
  }
}
