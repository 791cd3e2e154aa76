import type { Plan } from '../../call/plan.ts'
import { parseRouteKey, type RouteKey } from '../../routes/key.ts'
import { RouteTable } from '../../routes/match.ts'

/**
 * How many undeclared route keys are remembered. Keys in source code are few, but keys that are built from data are
 * not.
 */
const MAX_UNDECLARED_KEYS = 1000

/** A route key and its plan. */
export interface KeyedPlan {
  readonly key: RouteKey
  readonly plan: Plan
}

/** All plans of a client. Finds the plan of a route key, or of a method and a path. */
export class Plans {
  /** The plan of calls that match no declared route. */
  readonly base: Plan
  /** The plans of the declared routes. */
  readonly routed: readonly Plan[]
  readonly #empty: boolean
  readonly #table: RouteTable<Plan>
  readonly #byKey = new Map<string, KeyedPlan>()

  constructor(base: Plan, routed: readonly Plan[]) {
    this.base = base
    this.routed = routed
    const entries: [string, Plan][] = []
    for (const plan of routed) {
      const { route: key } = plan
      if (!key) continue
      entries.push([key.key, plan])
      this.#byKey.set(key.key, { key, plan })
      if (key.method === '*') this.#byKey.set(key.path, { key, plan }).set(`* ${key.path}`, { key, plan })
    }
    this.#empty = entries.length === 0
    this.#table = new RouteTable(entries)
  }

  /** True if any plan copies requests. */
  get mirrors(): boolean {
    return [this.base, ...this.routed].some(({ mirror }) => mirror)
  }

  match(method: string, path: string): Plan {
    return this.#empty ? this.base : (this.#table.match(method, path)?.value ?? this.base)
  }

  /** True if a route was declared with exactly this key. A key such as `'/reports/**'` is for any method. */
  declares(key: string): boolean {
    return this.#byKey.has(key)
  }

  /**
   * Returns the plan of a route key. `method` is the method of the call, for a key that is for any method.
   *
   * An undeclared key gets the plan of the route that its path matches. If the key has placeholders, events show this
   * key. If not, events show the declared route: `'GET /items/7'` is a request of `'GET /items/{id}'`.
   */
  byKey(written: string, method?: string): KeyedPlan {
    const known = this.#byKey.get(written)
    if (known) return known
    const key = parseRouteKey(written)
    if (key.method === '*' && method) return this.byKey(`${method} ${key.path}`)
    const declared = this.#byKey.get(key.key)?.plan ?? this.#table.match(key.method, key.path)?.value
    const literal = key.segments.every(({ kind }) => kind === 'static')
    const keyed = { key, plan: declared && literal ? declared : { ...(declared ?? this.base), route: key } }
    // A key for any method is not remembered, because its plan depends on the method of the call.
    if (this.#byKey.size < MAX_UNDECLARED_KEYS && key.method !== '*') this.#byKey.set(written, keyed)
    return keyed
  }
}
