import { NAMED_PREFIX, TEXT_NAMES, type LoadNumber, type LoadReport } from './report.ts'

type Mutable = { -readonly [K in keyof LoadReport]: LoadReport[K] }

/** The maximum length of a report. A real report is shorter. */
const MOST_CHARACTERS = 2_048

const FIELDS: ReadonlyMap<string, LoadNumber> = new Map(
  Object.entries(TEXT_NAMES).flatMap(([field, name]): [string, LoadNumber][] => [
    [name, field as LoadNumber],
    // The name in protobuf's JSON mapping.
    [camel(name), field as LoadNumber],
  ]),
)

/**
 * Parses an `endpoint-load-metrics` header: `TEXT name=value, …`, the same without `TEXT` or with colons, or
 * `JSON {…}`. Returns undefined for any other text. Also returns undefined if a number is invalid (negative,
 * NaN, infinite) or occurs twice.
 */
export function parseLoad(header: unknown): LoadReport | undefined {
  // A header that occurs more than once is one list (RFC 9110, section 5.3).
  const text = Array.isArray(header) ? header.join(',') : header
  if (typeof text !== 'string' || text.length > MOST_CHARACTERS) return undefined
  const entries = /^JSON\s/i.test(text)
    ? jsonEntries(text.slice(5))
    : textEntries(text.replace(/^TEXT\s+/i, ''))
  return entries && collect(entries)
}

type Entry = readonly [name: string, value: unknown]

function textEntries(text: string): Entry[] | undefined {
  const entries: Entry[] = []
  for (let start = 0; start < text.length;) {
    const comma = text.indexOf(',', start)
    const end = comma < 0 ? text.length : comma
    const metric = text.slice(start, end).trim()
    start = end + 1
    if (metric === '') continue
    const at = metric.search(/[=:]/)
    if (at < 1) return undefined
    entries.push([metric.slice(0, at).trimEnd(), toNumber(metric.slice(at + 1).trimStart())])
  }
  return entries
}

function jsonEntries(text: string): Entry[] | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(json)) return undefined
  return Object.entries(json).flatMap(([name, value]): Entry[] => {
    if (name !== 'named_metrics' && name !== 'namedMetrics') return [[name, fromJson(value)]]
    if (!isObject(value)) return [[NAMED_PREFIX, NaN]]
    return Object.entries(value).map(([key, each]) => [NAMED_PREFIX + key, fromJson(each)])
  })
}

/** Returns undefined when no name is known, or a value is invalid. */
function collect(entries: readonly Entry[]): LoadReport | undefined {
  const report: Mutable = {}
  const named = new Map<string, number>()
  let known = false
  for (const [name, value] of entries) {
    const field = FIELDS.get(name)
    if (field === undefined && !name.startsWith(NAMED_PREFIX)) continue
    if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) return undefined
    known = true
    if (field !== undefined) {
      if (report[field] !== undefined) return undefined
      report[field] = value
    } else {
      const key = name.slice(NAMED_PREFIX.length)
      if (key === '' || named.has(key)) return undefined
      named.set(key, value)
    }
  }
  if (named.size > 0) report.named = named
  return known ? report : undefined
}

/** Not `Number()`, which accepts an empty text as 0 and also accepts `0x10`. */
function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN
}

/** Protobuf's JSON mapping may write a number as a string. */
function fromJson(value: unknown): unknown {
  return typeof value === 'string' ? toNumber(value) : value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}
