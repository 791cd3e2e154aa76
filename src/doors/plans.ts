import type { Plan } from '../call/plan.ts'
import { parseRouteKey } from '../routes/key.ts'
import { RouteTable } from '../routes/match.ts'

/** Route keys written at call sites are few; keys built from data would not be. */
const MAX_ADHOC = 1000

/** Every plan of a client, by route key and by what a raw URL matches. */
export class Plans {
  /** For calls that match no declared route. */
  readonly base: Plan
  readonly #empty: boolean
  readonly #table: RouteTable<Plan>
  readonly #byKey = new Map<string, Plan>()

  constructor(base: Plan, routed: readonly Plan[]) {
    this.base = base
    const entries: [string, Plan][] = []
    for (const plan of routed) if (plan.route) entries.push([plan.route.key, plan])
    this.#empty = entries.length === 0
    this.#table = new RouteTable(entries)
    for (const [key, plan] of entries) this.#byKey.set(key, plan)
  }

  match(method: string, path: string): Plan {
    return this.#empty ? this.base : (this.#table.match(method, path)?.value ?? this.base)
  }

  /** Whether a route was declared under this very key, `'/reports/**'` for any method. */
  declares(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** The plan of a route key. One that was not declared gets whatever its path matches, under its own name. */
  byKey(key: string): Plan {
    const known = this.#byKey.get(key)
    if (known) return known
    const route = parseRouteKey(key)
    const declared = this.#byKey.get(route.key) ?? this.#table.match(route.method, route.path)?.value
    const plan = declared ? { ...declared, route } : { ...this.base, route }
    if (this.#byKey.size < MAX_ADHOC) this.#byKey.set(key, plan)
    return plan
  }
}
