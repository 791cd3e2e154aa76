import { CONTENDERS, type Contender } from './behaviour.ts'
import type { Incident } from './incident.ts'
import type { Figures } from './tally.ts'

export interface Run extends Readonly<Record<Contender, Figures>> {
  /** The longest time that other work of the machine delayed the run, in milliseconds. */
  readonly lag: number
}

/** All runs of an incident. */
export interface Result {
  readonly incident: Incident
  readonly runs: readonly Run[]
}

/** The number of runs of a row that is near its limit. It is odd, because of the median. */
export const REPEATS = 3

/** In milliseconds. A run with a longer delay measured the machine. It counts only if there is no other run. */
const DISTURBED = 250

/** The number of calls by which a run may differ at random. */
export function margin({ fetch }: Run): number {
  return Math.max(3, 0.015 * fetch.calls)
}

/**
 * The number of calls that Outrigger lost above its limit. The limit is what plain fetch lost in the same run, times
 * what the row allows.
 */
export function excess({ allowed }: Incident, { fetch, outrigger }: Run): number {
  return outrigger.lost - fetch.lost * (allowed?.factor ?? 1)
}

/** Returns the run with the median excess. */
export function typical({ incident, runs }: Result): Run {
  const calm = runs.filter(({ lag }) => lag < DISTURBED)
  const sorted = (calm.length > 0 ? calm : runs).toSorted((a, b) => excess(incident, a) - excess(incident, b))
  return sorted[sorted.length >> 1]!
}

/** True if one run is not enough for a decision. */
export function near(result: Result): boolean {
  const run = typical(result)
  return run.lag >= DISTURBED || excess(result.incident, run) > margin(run) / 2
}

/** True if every run was disturbed. Then the row has no result. */
export function undecided({ runs }: Result): boolean {
  return runs.every(({ lag }) => lag >= DISTURBED)
}

export function fails(result: Result): boolean {
  if (undecided(result)) return false
  const run = typical(result)
  return excess(result.incident, run) > margin(run)
}

/** Returns a row as a line for the console. */
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
