import type { ServiceFrame } from './frame.ts'

/** Rows, stored by column. The first column identifies a row. */
type Table = Readonly<Record<string, readonly unknown[]>>

/** A service as it is sent. Rows are stored by column, which needs a tenth of the bytes. */
export interface Shape {
  readonly fields: Readonly<Record<string, unknown>>
  readonly tables: Readonly<Record<string, Table>>
}

/** A complete service, or only the fields and cells that have changed. */
export type Sendable = Readonly<Record<string, unknown>>

const MEASURES = ['calls', 'failed', 'p50', 'p99']
const INSTANCES = ['id', 'url', 'zone', 'version', 'state', 'why', 'weight', 'inFlight', 'queued', 'byHand']

export function shapeOf({ instances, routes, ...fields }: ServiceFrame): Shape {
  return {
    fields,
    tables: {
      instances: tableOf(instances, [...INSTANCES, ...MEASURES]),
      routes: tableOf(routes, ['key', ...MEASURES]),
    },
  }
}

export function wholeOf({ fields, tables }: Shape): Sendable {
  return { ...fields, ...tables }
}

/** Returns what has changed, or undefined if nothing has. */
export function changesOf(before: Shape | undefined, after: Shape): Sendable | undefined {
  if (!before) return wholeOf(after)
  const changes: Record<string, unknown> = {}
  for (const [name, now] of Object.entries(after.fields)) {
    if (!isSame(before.fields[name], now)) changes[name] = now ?? null
  }
  for (const [name, table] of Object.entries(after.tables)) {
    const changed = changesOfTable(before.tables[name] ?? {}, table)
    if (changed) changes[name] = changed
  }
  const isChanged = Object.keys(changes).length > 0
  return isChanged ? { name: after.fields['name'], ...changes } : undefined
}

function tableOf(rows: readonly object[], columns: readonly string[]): Table {
  const all = rows as readonly Readonly<Record<string, unknown>>[]
  return Object.fromEntries(columns.map((name) => [name, all.map((row) => row[name])]))
}

/**
 * Returns the columns that have changed. A column with few changes becomes cells by index. If rows or their
 * order have changed, returns the complete table.
 */
function changesOfTable(before: Table, after: Table): Table | Sendable | undefined {
  const [key = ''] = Object.keys(after)
  if (placesOf(before[key], after[key]).length > 0) return after
  const changes: Record<string, unknown> = {}
  for (const [name, now] of Object.entries(after)) {
    const places = placesOf(before[name], now)
    if (places.length * 3 > now.length) changes[name] = now
    else if (places.length > 0)
      changes[name] = Object.fromEntries(places.map((place) => [place, now[place] ?? null]))
  }
  return Object.keys(changes).length > 0 ? changes : undefined
}

/** Returns the indexes where two columns differ. */
function placesOf(before: readonly unknown[] = [], after: readonly unknown[] = []): number[] {
  const places: number[] = []
  const length = Math.max(before.length, after.length)
  for (let place = 0; place < length; place++) if (before[place] !== after[place]) places.push(place)
  return places
}

function isSame(before: unknown, now: unknown): boolean {
  return before === now || (typeof now === 'object' && JSON.stringify(before) === JSON.stringify(now))
}
