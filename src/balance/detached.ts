import type { PickRequest } from './balancer.ts'

/**
 * The request as code of the user's gets it: a plain object, whose functions may be taken out of it, as in `(list, { excluded }) => …`.
 * A call is its own request and needs `this`; a closure for each would be paid for by every pick.
 */
export function detached(request: PickRequest): PickRequest {
  const { now, route, method, path, attempt, all } = request
  return {
    now,
    route,
    method,
    path,
    attempt,
    all,
    random: () => request.random(),
    header: (name) => request.header?.(name),
    param: (name) => request.param?.(name),
    excluded: (endpoint) => request.excluded(endpoint),
  }
}
