import type { Pick } from '../../src/balance/balancer.ts'

/** The first of the list that the call has not tried: tests know where the first attempt goes. */
export const inOrder: Pick = (endpoints, request) =>
  endpoints.find((endpoint) => !request.excluded(endpoint)) ?? endpoints[0]
