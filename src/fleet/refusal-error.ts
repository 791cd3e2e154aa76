import { CircuitOpenError, NoInstanceError, withoutStack, type OutriggerError } from '../errors.ts'
import { LimitExceededError } from '../limit/errors.ts'
import { sourceTrouble } from '../registry/source-failure.ts'
import type { Subset } from '../traffic/subset.ts'
import type { LiveEndpoint } from './endpoint.ts'
import type { Guard } from './guard.ts'
import { countStates, describeCounts, lastFailure } from './states.ts'

/** The state of a fleet that explains a refusal. */
export interface RefusalContext {
  readonly service: string
  readonly route: string | undefined
  readonly guard: Guard | undefined
  /** The last error of the source. */
  readonly cause: unknown
  readonly now: number
  /** When the first breaker may admit a probe, in ms of the clock. */
  readonly dueAt: number
  readonly perInstance: number
  /** The endpoints that the call may go to. */
  readonly endpoints: readonly LiveEndpoint[]
  /** The number of all instances that the source lists. */
  readonly known: number
  readonly subset: Subset | undefined
}

/** Returns the error for the caller that says why no endpoint could be picked. */
export function makeRefusalError(context: RefusalContext): OutriggerError {
  return withoutStack(() => reasonFor(context))
}

function reasonFor(context: RefusalContext): OutriggerError {
  const { service, route, guard, now, dueAt, perInstance, endpoints, known, subset } = context
  const instances = countStates(endpoints, guard, now, perInstance)
  const part = [route, subset && `subset ${subset.name}`].filter(Boolean).join(', ')
  const what = part === '' ? service : `${service} (${part})`
  if (subset && endpoints.length === 0 && known > 0) {
    const message = `none of the ${known} instances of ${service} is in the subset ${subset.name} that traffic names`
    return new NoInstanceError(message, { service, route, instances })
  }
  if (endpoints.length === 0) {
    const { cause } = context
    const message = `no instance of ${what} is known: ${sourceTrouble(cause)}`
    return new NoInstanceError(message, { cause, service, route, instances })
  }
  const details = { cause: lastFailure(endpoints), service, route, instances }
  const counts = describeCounts(instances)
  const admitted = endpoints.filter((endpoint) => endpoint.admitsAt(guard, now) <= now)
  if (admitted.length === 0) {
    const retryAfter = Math.max(dueAt - now, 0)
    const when = retryAfter === Infinity ? 'isolated by hand' : `retry after ${Math.ceil(retryAfter)} ms`
    const message = `every breaker in front of ${what} is open: ${when} (${counts})`
    return new CircuitOpenError(message, retryAfter, details)
  }
  if (admitted.every((endpoint) => endpoint.inFlight >= perInstance)) {
    const wait = Math.ceil(Math.min(...admitted.map(({ latency = 100 }) => latency)))
    const message = `every instance of ${what} has ${perInstance} attempts in flight, its limit (${counts})`
    return new LimitExceededError(message, wait, details)
  }
  return new NoInstanceError(`the balancer picked none of the instances of ${what} (${counts})`, details)
}
