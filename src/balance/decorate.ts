import type { Balancer, Endpoint, Pick, PickRequest } from './balancer.ts'
import { markOurs } from './own.ts'

/** A strategy that picks in its own way and lets the inner one learn from what came of it. */
export function decorate(inner: Balancer, pick: Pick): Balancer {
  return markOurs({
    pick,
    ...(inner.settled && {
      settled: (...attempt) => inner.settled?.(...attempt),
    }),
    ...(inner.amended && { amended: (...attempt) => inner.amended?.(...attempt) }),
    ...(inner.reported && { reported: (...report) => inner.reported?.(...report) }),
    ...(inner.standing && { standing: (endpoint, now) => inner.standing?.(endpoint, now) }),
  })
}

/** Picks from a part of the endpoints; from all of them when the call has tried all of that part. */
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
