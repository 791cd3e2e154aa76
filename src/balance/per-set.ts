import type { Endpoint, PickRequest } from './balancer.ts'

type EndpointSet = readonly Endpoint[]
type Derive<T> = (endpoints: EndpointSet, request: PickRequest) => T

/**
 * Remembers what `derive` made of an endpoints array, by its identity. Several routes may take turns with an
 * array each, so one remembered array would be rebuilt at every pick; old arrays go with the garbage.
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
 * As {@link perSet}, for what also depends on the endpoints that may not be tried now, or on what a snapshot may
 * change about those that stay: weight, zone, priority.
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
