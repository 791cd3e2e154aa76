import type { Endpoint, PickRequest } from './balancer.ts'

/** Looks at every endpoint, from a random one on, for one the call has not tried; any when it has tried all. */
export function untried(endpoints: readonly Endpoint[], request: PickRequest): Endpoint | undefined {
  const start = Math.floor(request.random() * endpoints.length)
  for (let ahead = 0; ahead < endpoints.length; ahead++) {
    const endpoint = endpoints[(start + ahead) % endpoints.length]
    if (endpoint && !request.excluded(endpoint)) return endpoint
  }
  return endpoints[start]
}
