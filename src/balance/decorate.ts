import type { Balancer, Endpoint, Pick, PickRequest } from './balancer.ts'
import { markBuiltIn } from './own.ts'

/** Makes a strategy that picks with `pick` and passes the results of attempts on to `inner`. */
export function decorate(inner: Balancer, pick: Pick): Balancer {
  return markBuiltIn({
    pick,
    ...(inner.settled && {
      settled: (...attempt) => inner.settled?.(...attempt),
    }),
    ...(inner.amended && { amended: (...attempt) => inner.amended?.(...attempt) }),
    ...(inner.reported && { reported: (...report) => inner.reported?.(...report) }),
    ...(inner.standing && { standing: (endpoint, now) => inner.standing?.(endpoint, now) }),
  })
}

/** Picks from `part`. If the call has already tried every endpoint in `part`, picks from all endpoints. */
export function pickWithin(
  part: readonly Endpoint[],
  endpoints: readonly Endpoint[],
  inner: Balancer,
  request: PickRequest,
): Endpoint | undefined {
  if (part.length === 0) return inner.pick(endpoints, request)
  const chosen = inner.pick(part, request)
  return chosen && !request.excluded(chosen) ? chosen : inner.pick(endpoints, request)
}
