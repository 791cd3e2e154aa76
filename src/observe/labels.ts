import { oneLine } from '../quote.ts'

/** The buckets in seconds that OpenTelemetry's semantic conventions give for `http.client.request.duration`. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

/** The largest number of different values of one label. All others count as `other`. */
const MAX_VALUES = 200

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
])

/** A label whose values come from calls. It limits their number. */
export class BoundedLabel {
  readonly #known = new Set<string>()

  of(value: string | undefined): string {
    if (value === undefined) return ''
    if (this.#known.has(value)) return value
    if (this.#known.size >= MAX_VALUES) return 'other'
    this.#known.add(value)
    return value
  }
}

/** The largest number of characters of an instance id in a label. */
const MAX_ID = 128

// oxlint-disable-next-line no-control-regex -- a NUL makes a Prometheus scrape fail, others break a line
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/**
 * Returns an instance id as a label. It limits the length and removes control characters: data in a registry must not
 * break the metrics.
 */
export function idLabel(id: string): string {
  if (id.length <= MAX_ID && !CONTROL.test(id)) return id
  const line = oneLine(id)
  return line.length <= MAX_ID ? line : `${line.slice(0, MAX_ID - 1)}…`
}

export function methodLabel(method: string | undefined): string {
  if (method === undefined) return ''
  return METHODS.has(method) ? method : 'other'
}
