/** Errors with which fetch rejected a request before it sent anything. */
const refusals = new WeakSet<object>()

/** Called when fetch itself rejects a request, such as a GET with a body. */
export function noteRefusedByFetch(error: unknown): void {
  if (error instanceof TypeError) refusals.add(error)
}

/**
 * True if fetch rejected the request. Then neither `stale` nor `fallback` may answer it: they would hide the caller's
 * mistake.
 */
export function isRefusedByFetch(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error)
}
