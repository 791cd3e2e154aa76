import type { MirrorSnapshot } from '../mirror/snapshot.ts'
import { oneLine } from '../quote.ts'
import type { Explanation, PlanExplanation } from './explanation.ts'

/** Returns an explanation as text, for a log. */
export function table(explanation: Explanation): string {
  const { service, route, method, ready, sourceError, available, instances, budget, limits } = explanation
  const { mirror, setBy = {}, plan } = explanation
  const what = [service, route ?? method].filter((each) => each !== undefined).join(' ')
  const head = `${what}: ${available} of ${instances.length} instances may be picked`
  const rows = instances.map(({ id, state, inFlight, weight, ramp, latency, cost, why }) => [
    id,
    state,
    String(inFlight),
    String(weight),
    `${Math.round(ramp * 100)} %`,
    latency === undefined ? '-' : latency.toFixed(1),
    cost === undefined ? '-' : String(Number(cost.toPrecision(3))),
    why,
  ])
  const lines = aligned([['instance', 'state', 'in flight', 'weight', 'ramp', 'ms', 'cost', 'why'], ...rows])
  const queues = limits.map(
    ({ limit, inFlight, queued }) => `${inFlight} of ${limit} in flight, ${queued} waiting`,
  )
  return [
    head,
    ...(ready ? [] : ['no snapshot has come from the source yet']),
    ...(sourceError === undefined ? [] : [`the source fails: ${sourceError}`]),
    ...(instances.length > 0 ? lines : []),
    `tries: ${triesOf(plan)}`,
    `budget: ${budget} retries or hedges`,
    ...queues.map((text) => `limit: ${text}`),
    ...setBySource(setBy),
    ...(mirror ? [`mirror: ${copiesOf(mirror)}`] : []),
  ]
    .map(oneLine)
    .join('\n')
}

function triesOf({ attempts, idempotent }: PlanExplanation): string {
  if (attempts === 1 || idempotent !== false) return String(attempts)
  return `${attempts}, but only while nothing was sent: it may not be sent twice`
}

function setBySource(setBy: Readonly<Record<string, string>>): string[] {
  const bySource = Map.groupBy(Object.entries(setBy), ([, source]) => source)
  return Array.from(
    bySource,
    ([source, options]) => `set by ${source}: ${options.map(([option]) => option).join(', ')}`,
  )
}

function copiesOf({ to, share, instances, sent, failed, dropped, inFlight }: MirrorSnapshot): string {
  const who = `${instances} ${instances === 1 ? 'instance' : 'instances'}`
  const what = `${Number((share * 100).toPrecision(3))} % to ${to}, ${who}`
  return `${what}: ${sent} copies sent, ${inFlight} under way, ${failed} failed, ${dropped} dropped`
}

/** The maximum width of a column in characters. An id from a registry may have any length. */
const MAX_CELL_LENGTH = 120

function aligned(all: readonly (readonly string[])[]): string[] {
  const rows = all.map((row) =>
    row.map((cell) => (cell.length > MAX_CELL_LENGTH ? `${cell.slice(0, MAX_CELL_LENGTH - 1)}…` : cell)),
  )
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
