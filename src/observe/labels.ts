/** Of `http.client.request.duration` in OpenTelemetry's semantic conventions, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

/** Label values of one kind that are kept apart; all others are counted as `other`. */
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

/** A label whose values come from calls: a bounded number of them. */
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

export function methodLabel(method: string | undefined): string {
  if (method === undefined) return ''
  return METHODS.has(method) ? method : 'other'
}
