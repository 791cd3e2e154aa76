/**
 * Returns what `read` finds out about a value that user code has thrown, or `otherwise` if reading fails. Reading any
 * property of a revoked Proxy throws, also `instanceof`, and a getter may throw.
 */
export function readOf<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** Like `instanceof`, but never throws. */
export function isA<T>(thrown: unknown, type: abstract new (...args: never[]) => T): thrown is T {
  return readOf(() => thrown instanceof type, false)
}
