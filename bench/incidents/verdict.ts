import { CONTENDERS, type Contender } from './behaviour.ts'
import type { Incident } from './incident.ts'
import type { Figures } from './tally.ts'

export interface Run extends Readonly<Record<Contender, Figures>> {
  /** The longest that the run was kept from its turn by other work of the machine, ms. */
  readonly lag: number
}

/** All runs of an incident. */
export interface Result {
  readonly incident: Incident
  readonly runs: readonly Run[]
}

/** Runs of a row that is near its limit: an odd number, for the median. */
export const REPEATS = 3

/** A run that waited longer for its turn measured the machine; it counts only where there is no other. */
const DISTURBED = 250

/** Calls that chance alone can take or give in one run. */
export function margin({ fetch }: Run): number {
  return Math.max(3, 0.015 * fetch.calls)
}

/** Calls that Outrigger lost beyond what it may lose: what plain fetch lost in the same run, and what the row allows. */
export function excess({ allowed }: Incident, { fetch, outrigger }: Run): number {
  return outrigger.lost - fetch.lost * (allowed?.factor ?? 1)
}

/** The run whose excess is the median. */
export function typical({ incident, runs }: Result): Run {
  const calm = runs.filter(({ lag }) => lag < DISTURBED)
  const sorted = (calm.length > 0 ? calm : runs).toSorted((a, b) => excess(incident, a) - excess(incident, b))
  return sorted[sorted.length >> 1]!
}

/** Whether one run alone does not decide. */
export function near(result: Result): boolean {
  const run = typical(result)
  return run.lag >= DISTURBED || excess(result.incident, run) > margin(run) / 2
}

/** Every run was disturbed: the row says nothing. */
export function undecided({ runs }: Result): boolean {
  return runs.every(({ lag }) => lag >= DISTURBED)
}

export function fails(result: Result): boolean {
  if (undecided(result)) return false
  const run = typical(result)
  return excess(result.incident, run) > margin(run)
}

/** One line of the console. */
export function line(result: Result): string {
  const run = typical(result)
  const parts = CONTENDERS.map((name) => {
    const { calls, lost, slowest, recovered, load, reasons } = run[name]
    const why = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`)
    return `  ${name.padEnd(9)} lost ${String(lost).padStart(4)} of ${calls}, slowest ${slowest.toFixed(0)} ms, recovered after ${recovered.toFixed(0)} ms, load ${load.toFixed(2)}${why.length > 0 ? ` (${why.join(', ')})` : ''}`
  })
  const all = result.runs.map(({ outrigger, fetch }) => `${outrigger.lost}:${fetch.lost}`).join(' ')
  return [
    `${undecided(result) ? 'undecided' : fails(result) ? 'WORSE' : 'ok'} ${result.incident.id} (lost by Outrigger : fetch in each run: ${all}; waited up to ${run.lag.toFixed(0)} ms for the machine)`,
    ...parts,
  ].join('\n')
}
