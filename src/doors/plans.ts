import type { Plan } from '../call/plan.ts'
import { parseRouteKey, type RouteKey } from '../routes/key.ts'
import { RouteTable } from '../routes/match.ts'

/** Route keys written at call sites are few; keys built from data would not be. */
const MAX_ADHOC = 1000

/** A route key as written at a call site, and the plan it stands for. */
export interface Keyed {
  readonly key: RouteKey
  readonly plan: Plan
}

/** Every plan of a client, by route key and by what a raw URL matches. */
export class Plans {
  /** For calls that match no declared route. */
  readonly base: Plan
  readonly #empty: boolean
  readonly #table: RouteTable<Plan>
  readonly #byKey = new Map<string, Keyed>()

  constructor(base: Plan, routed: readonly Plan[]) {
    this.base = base
    const entries: [string, Plan][] = []
    for (const plan of routed) {
      const { route: key } = plan
      if (!key) continue
      entries.push([key.key, plan])
      this.#byKey.set(key.key, { key, plan })
    }
    this.#empty = entries.length === 0
    this.#table = new RouteTable(entries)
  }

  match(method: string, path: string): Plan {
    return this.#empty ? this.base : (this.#table.match(method, path)?.value ?? this.base)
  }

  /** Whether a route was declared under this very key, `'/reports/**'` for any method. */
  declares(key: string): boolean {
    return this.#byKey.has(key)
  }

  /**
   * The plan of a route key. One that was not declared gets whatever its path matches, under its own name if it is a
   * template: `'GET /items/7'` is a request of `'GET /items/{id}'`, and events must not count it by itself.
   */
  byKey(written: string): Keyed {
    const known = this.#byKey.get(written)
    if (known) return known
    const key = parseRouteKey(written)
    const declared = this.#byKey.get(key.key)?.plan ?? this.#table.match(key.method, key.path)?.value
    const literal = key.segments.every(({ kind }) => kind === 'static')
    const keyed = { key, plan: declared && literal ? declared : { ...(declared ?? this.base), route: key } }
    if (this.#byKey.size < MAX_ADHOC) this.#byKey.set(written, keyed)
    return keyed
  }
}
