import type { Balancer, Endpoint } from '../balance/balancer.ts'
import { disown } from '../hooks/disown.ts'
import { parseLoad } from '../load/parse.ts'
import type { Outcome } from '../observe/events.ts'
import { quote } from '../options.ts'

// Tells the strategy what has happened. What it throws is a process warning, and never the problem of the call.

export function tellSettled(
  balancer: Balancer,
  endpoint: Endpoint,
  outcome: Outcome,
  ms: number,
  now: number,
  status: number | undefined,
): void {
  try {
    disown(balancer.settled?.(endpoint, outcome, ms, now, status))
  } catch (error) {
    warn('settled', error)
  }
}

export function tellAmended(balancer: Balancer, endpoint: Endpoint, ms: number, now: number): void {
  try {
    disown(balancer.amended?.(endpoint, ms, now))
  } catch (error) {
    warn('amended', error)
  }
}

/** `header` is as the server sent it. */
export function tellReported(balancer: Balancer, endpoint: Endpoint, header: unknown, now: number): void {
  if (!balancer.reported) return
  const report = parseLoad(header)
  if (!report) return
  try {
    disown(balancer.reported(endpoint, report, now))
  } catch (error) {
    warn('reported', error)
  }
}

function warn(method: string, error: unknown): void {
  process.emitWarning(`balance.${method}() threw ${quote(error)}`, { code: 'OUTRIGGER_BALANCER' })
}
