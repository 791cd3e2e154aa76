import type { Endpoint, PickRequest } from './balancer.ts'

type EndpointSet = readonly Endpoint[]
type Derive<T> = (endpoints: EndpointSet, request: PickRequest) => T

/**
 * Caches what `derive` returns for an endpoints array. The array's identity is the key. Several routes may take turns
 * with different arrays, so one cached entry is not enough. The garbage collector removes entries of old arrays.
 */
export function perSet<T extends object>(derive: Derive<T>): Derive<T> {
  const known = new WeakMap<EndpointSet, T>()
  let lastSet: EndpointSet | undefined
  let last: T | undefined
  return (endpoints, request) => {
    if (last !== undefined && endpoints === lastSet) return last
    last = known.get(endpoints)
    if (last === undefined) known.set(endpoints, (last = derive(endpoints, request)))
    lastSet = endpoints
    return last
  }
}

/**
 * Like {@link perSet}, but also derives again when the set of all endpoints changes. Use it for values that depend on
 * endpoints that may not be tried now, or on what a snapshot may change about an endpoint: weight, zone or priority.
 */
export function perFleet<T extends object>(
  derive: (endpoints: EndpointSet, all: EndpointSet) => T,
): Derive<T> {
  const known = new WeakMap<EndpointSet, { readonly all: EndpointSet; readonly value: T }>()
  let lastSet: EndpointSet | undefined
  let lastAll: EndpointSet | undefined
  let last: T | undefined
  return (endpoints, request) => {
    const all = request.all ?? endpoints
    if (last !== undefined && endpoints === lastSet && all === lastAll) return last
    let entry = known.get(endpoints)
    if (entry?.all !== all) known.set(endpoints, (entry = { all, value: derive(endpoints, all) }))
    lastSet = endpoints
    lastAll = all
    last = entry.value
    return last
  }
}
