import type { CallInit, FetchInput } from '../typed/call-input.ts'
import { ownersOf } from './configurable.ts'
import type { Configuration } from './configuration.ts'
import type { ClientCore } from './core.ts'
import type { Plan } from '../call/plan.ts'
import { anotherHost, isRouteKey, resolveTarget, type Logical } from '../doors/plan/target.ts'
import { explain, type ExplainContext } from '../explain/explain.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Subset } from '../traffic/subset.ts'

/** Explains what would happen to a call for `input`: a route key without params, or an input of fetch. */
export function explainCall(
  core: ClientCore,
  { plans, configured }: Pick<Configuration, 'plans' | 'configured'>,
  logical: Logical,
  input: FetchInput | undefined,
  init: Pick<CallInit, 'method' | 'headers'> | undefined,
): Explanation {
  core.hand.expire()
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
  const hasIdempotencyKey = headers.has('idempotency-key')
  const subsetOf = (plan: Plan, method?: string, path?: string): Subset | undefined => {
    const header = (name: string): string | undefined => headers.get(name) ?? undefined
    // The explanation is for the usual call: rules that select calls at random do not match.
    const trafficRequest = { method, path, priority: plan.priority, header, random: () => 1 }
    return plan.traffic?.explain(trafficRequest, core.fleet.availability.subsetState(plan.guard))
  }
  const byHand: ExplainContext['byHand'] = (endpoint, kind) => core.hand.note(endpoint, kind)
  const common = { core, byHand, setBy: ownersOf(configured), hasIdempotencyKey }
  if (input === undefined) {
    return explain({ ...common, plan: plans.base, method: undefined, subset: subsetOf(plans.base) })
  }
  if (typeof input === 'string' && isRouteKey(input)) {
    const { key, plan } = plans.byKey(input, init?.method)
    return explain({ ...common, plan, method: key.method, subset: subsetOf(plan, key.method) })
  }
  const target = resolveTarget(logical, plans, input, init)
  if (!target) throw anotherHost('explain()', logical, input)
  const { plan, method, path } = target
  return explain({ ...common, plan, method, subset: subsetOf(plan, method, path) })
}
