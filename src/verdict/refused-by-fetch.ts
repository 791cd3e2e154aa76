/** What fetch rejected with before it sent anything, because of what the caller asked for. */
const refusals = new WeakSet<object>()

/** Notes that fetch itself refused the request: no instance would have been asked. */
export function refusedByFetch(error: unknown): void {
  if (error instanceof TypeError) refusals.add(error)
}

/** Whether the call failed for what the caller asked for. Nothing may answer it instead: he would not learn of his mistake. */
export function isRefusedByFetch(error: unknown): boolean {
  return typeof error === 'object' && error !== null && refusals.has(error)
}
