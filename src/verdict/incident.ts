/** Milliseconds within which connections that break belong together, one to the next. */
const TOGETHER = 250
/** No incident takes longer, in ms: a client that has little CPU hears of its broken connections one after the other. */
const LONGEST = 2_000

/** Failures that count once. Times are the clock's. */
export interface Incident {
  readonly firstAt: number
  lastAt: number
}

/**
 * Whether a failure at `now`, of an attempt begun at `startedAt`, belongs to the incident: it was under way at the first
 * failure, and ended soon after. A pod that dies behind one address breaks many connections in one moment. `spreads`:
 * soon after the last failure is enough.
 */
export function isSameIncident(
  { firstAt, lastAt }: Incident,
  startedAt: number,
  now: number,
  spreads: boolean,
): boolean {
  if (startedAt >= firstAt) return false
  if (now - firstAt <= TOGETHER) return true
  return spreads && now - lastAt <= TOGETHER && now - firstAt <= LONGEST
}
