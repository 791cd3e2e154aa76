import type { Plan } from '../../call/plan.ts'
import { parseRouteKey, type RouteKey } from '../../routes/key.ts'
import { RouteTable } from '../../routes/match.ts'

/** Route keys written at call sites are few; keys built from data would not be. */
const MAX_UNDECLARED_KEYS = 1000

/** A route key as written at a call site, and the plan it stands for. */
export interface Keyed {
  readonly key: RouteKey
  readonly plan: Plan
}

/** Every plan of a client, by route key and by what a raw URL matches. */
export class Plans {
  /** For calls that match no declared route. */
  readonly base: Plan
  /** Those of the declared routes. */
  readonly routed: readonly Plan[]
  readonly #empty: boolean
  readonly #table: RouteTable<Plan>
  readonly #byKey = new Map<string, Keyed>()

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

  /** Whether any call may be copied. */
  get mirrors(): boolean {
    return [this.base, ...this.routed].some(({ mirror }) => mirror)
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
   * `method` is what a key for any method is called with.
   */
  byKey(written: string, method?: string): Keyed {
    const known = this.#byKey.get(written)
    if (known) return known
    const key = parseRouteKey(written)
    if (key.method === '*' && method) return this.byKey(`${method} ${key.path}`)
    const declared = this.#byKey.get(key.key)?.plan ?? this.#table.match(key.method, key.path)?.value
    const literal = key.segments.every(({ kind }) => kind === 'static')
    const keyed = { key, plan: declared && literal ? declared : { ...(declared ?? this.base), route: key } }
    // Without the method it is called with, a key for any method says nothing that lasts.
    if (this.#byKey.size < MAX_UNDECLARED_KEYS && key.method !== '*') this.#byKey.set(written, keyed)
    return keyed
  }
}
