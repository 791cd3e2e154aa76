import { CircuitOpenError, NoInstanceError, withoutStack, type OutriggerError } from '../errors.ts'
import { LimitExceededError } from '../limit/errors.ts'
import { sourceTrouble } from '../registry/source-failure.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'

export interface RefusalContext {
  readonly service: string
  readonly guard: Guard | undefined
  /** The source's last error. */
  readonly cause: unknown
  readonly now: number
  /** When the soonest breaker may admit a probe. */
  readonly dueAt: number
  readonly perInstance: number
  readonly endpoints: readonly LiveEndpoint[]
}

/** Why no endpoint could be picked, as the error that the caller gets. */
export function refusal(context: RefusalContext): OutriggerError {
  return withoutStack(() => reasonFor(context))
}

function reasonFor({
  service,
  guard,
  cause,
  now,
  dueAt,
  perInstance,
  endpoints,
}: RefusalContext): OutriggerError {
  if (endpoints.length === 0) {
    return new NoInstanceError(`no instance of ${service} is known: ${sourceTrouble(cause)}`, { cause })
  }
  const admitted = endpoints.filter((endpoint) => endpoint.admitsAt(guard, now) <= now)
  if (admitted.length === 0) {
    const retryAfter = Math.max(dueAt - now, 0)
    const when = retryAfter === Infinity ? 'isolated by hand' : `retry after ${Math.ceil(retryAfter)} ms`
    return new CircuitOpenError(`every breaker in front of ${service} is open: ${when}`, retryAfter)
  }
  if (admitted.every((endpoint) => endpoint.inFlight >= perInstance)) {
    const wait = Math.ceil(Math.min(...admitted.map(({ latency = 100 }) => latency)))
    const message = `every instance of ${service} has ${perInstance} attempts in flight, its limit`
    return new LimitExceededError(message, wait)
  }
  return new NoInstanceError(`the balancer picked none of the ${admitted.length} instances of ${service}`)
}
