/** Milliseconds within which connections that break belong together. */
const TOGETHER = 250

/**
 * Whether a broken connection belongs to the incident whose first failure was at `firstAt`: its attempt was under way
 * then, and broke soon after. A pod that dies behind one address breaks many connections in one moment.
 */
export function isSameIncident(firstAt: number, startedAt: number, now: number): boolean {
  return startedAt < firstAt && now - firstAt <= TOGETHER
}
