import type { Balancer, Endpoint } from '../balance/balancer.ts'
import { disown } from '../hooks/disown.ts'
import { parseLoad } from '../load/parse.ts'
import type { Outcome } from '../observe/events.ts'
import { quote } from '../options.ts'

// Call the optional methods of the balancer. If one throws, there is a process warning, and the call goes on.

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

/** `header` is the unchecked value that the server sent. */
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
