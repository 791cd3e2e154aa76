/** Errors with which fetch refused a request before it sent anything. */
const refusals = new WeakSet<object>()

/** To be called when fetch itself refuses a request, such as a GET with a body. */
export function noteRefusedByFetch(error: unknown): void {
  if (error instanceof TypeError) refusals.add(error)
}

/** Whether fetch refused the request. Neither `stale` nor `fallback` may answer it: the caller would not see his mistake. */
export function isRefusedByFetch(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error)
}
