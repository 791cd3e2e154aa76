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
