const ignore = (): void => {}

/**
 * Hears what becomes of a value that nobody awaits: a function of the user's that is async by mistake returns a
 * promise, and a rejection that nobody hears ends the process. True if it is a promise, of whatever realm or library.
 */
export function disown(value: unknown, onRejected: (error: unknown) => void = ignore): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    // Reading `then` may throw: it can be a getter, or the value a Proxy.
    if (typeof (value as { then?: unknown }).then !== 'function') return false
    Promise.resolve(value as PromiseLike<unknown>)
      .then(undefined, onRejected)
      .catch(ignore)
    return true
  } catch {
    return false
  }
}
