import type { Endpoint, PickRequest } from './balancer.ts'

/**
 * Returns an endpoint that the call has not tried. It examines all of them, starting at a random one. If the call has
 * tried all, it returns the random one.
 */
export function untried(endpoints: readonly Endpoint[], request: PickRequest): Endpoint | undefined {
  const start = Math.floor(request.random() * endpoints.length)
  for (let ahead = 0; ahead < endpoints.length; ahead++) {
    const endpoint = endpoints[(start + ahead) % endpoints.length]
    if (endpoint && !request.excluded(endpoint)) return endpoint
  }
  return endpoints[start]
}
