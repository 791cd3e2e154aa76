/**
 * What `read` finds out about something that user code has thrown, or `otherwise`. It may be anything: nothing can be read of a revoked
 * Proxy, not even its class, and a getter may throw.
 */
export function readOf<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** `instanceof` that does not throw. */
export function isA<T>(thrown: unknown, type: abstract new (...args: never[]) => T): thrown is T {
  return readOf(() => thrown instanceof type, false)
}
