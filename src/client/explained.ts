import type { FetchInput } from '../attempt/platform.ts'
import type { Core } from '../call/core.ts'
import type { Plans } from '../doors/plan/plans.ts'
import { isRouteKey, resolveTarget, type CallInit, type Logical } from '../doors/plan/target.ts'
import { explain } from '../explain/explain.ts'
import type { Explanation } from '../explain/explanation.ts'
import { quote } from '../quote.ts'

/** Explains what would happen to a call for `input`: a route key without its params, or what fetch takes. */
export function explained(
  core: Core,
  plans: Plans,
  logical: Logical,
  input: FetchInput | undefined,
  init: Pick<CallInit, 'method'> | undefined,
): Explanation {
  if (input === undefined) return explain({ core, plan: plans.base, method: undefined })
  if (typeof input === 'string' && isRouteKey(input)) {
    const { key, plan } = plans.byKey(input, init?.method)
    return explain({ core, plan, method: key.method })
  }
  const target = resolveTarget(logical, plans, input, init)
  if (!target) throw new TypeError(`explain() is for ${logical.origin}, got ${quote(input)}`)
  return explain({ core, plan: target.plan, method: target.method })
}
