import type { PickRequest } from './balancer.ts'

/**
 * Copies a request into a plain object whose functions need no `this`, for user code such as `(list, { excluded }) =>
 * …`. Built-in strategies get the call itself as the request: its methods need `this`, and no pick has to create
 * closures.
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
