/** In milliseconds: connections that break within this time of each other belong to one incident. */
const TOGETHER_MS = 250
/**
 * The maximum length of an incident in milliseconds. A client with little CPU time notices its broken connections one
 * after the other.
 */
const MAX_INCIDENT_MS = 2_000

/** Failures that count as one. Times are in milliseconds of the clock. */
export interface Incident {
  readonly firstAt: number
  lastAt: number
}

/**
 * True if a failure at `now`, of an attempt that began at `startedAt`, belongs to the incident. It does if the attempt
 * was in flight at the first failure and ended soon after it. For example, a pod that dies behind a shared address
 * breaks many connections at the same moment. With `spreads`, soon after the last failure is enough.
 */
export function isSameIncident(
  { firstAt, lastAt }: Incident,
  startedAt: number,
  now: number,
  spreads: boolean,
): boolean {
  if (startedAt >= firstAt) return false
  if (now - firstAt <= TOGETHER_MS) return true
  return spreads && now - lastAt <= TOGETHER_MS && now - firstAt <= MAX_INCIDENT_MS
}
