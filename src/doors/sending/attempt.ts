import type { Endpoint } from '../../balance/balancer.ts'
import type { LogicalHost } from '../../attempt/address.ts'
import type { ExchangeOptions } from '../../attempt/exchange-options.ts'
import { Exchange } from '../../attempt/exchange.ts'
import { headerOf } from '../../attempt/headers.ts'
import type { Core } from '../../call/core.ts'
import type { Receiver, SendContext } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import type { AcquireRequest } from '../../fleet/picker.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import { canBeSent } from '../../headers/own-headers.ts'
import { warnOnce } from '../../hooks/warn-once.ts'
import { quote } from '../../quote.ts'
import { pathParams } from '../../routes/params.ts'
import type { Subset } from '../../traffic/subset.ts'
import type { Dispatcher } from '../../undici.ts'

/** Returns the exchange that sends the request of an attempt. */
export function createExchange(
  { deadlines, kept }: Core,
  plan: Plan,
  attempt: Attempt,
  logical: LogicalHost,
  context: Pick<SendContext, 'remaining'> | undefined,
  { stalled, abortable, handOverUnsent }: Omit<ExchangeOptions, 'extra' | 'observer'>,
): Exchange {
  const extra = extraHeaders(plan, attempt, context)
  return new Exchange(attempt, deadlines, logical, plan, {
    stalled,
    abortable: abortable === true,
    handOverUnsent,
    extra,
    observer: kept,
  })
}

/** Returns the headers that this client adds to a request, with names in lower case. */
export function extraHeaders(
  plan: Plan,
  attempt: Attempt,
  context: Pick<SendContext, 'remaining'> | undefined,
): ExtraHeaders {
  const attemptHeaders = addSubscriberHeaders(
    plan,
    callHeaders(plan, attempt, context),
    attempt.trail?.headers,
  )
  return attempt.headers ? { ...attempt.headers, ...attemptHeaders } : attemptHeaders
}

type ExtraHeaders = Readonly<Record<string, string>> | undefined

/**
 * Adds the headers that subscribers to the attempt have set. A header that cannot be sent is left out with a warning,
 * because a subscriber must not make a call fail.
 */
function addSubscriberHeaders(plan: Plan, own: ExtraHeaders, added: ExtraHeaders): ExtraHeaders {
  if (!added) return own
  let accepted: Record<string, string> | undefined
  for (const [name, value] of Object.entries<unknown>(added)) {
    if (typeof value === 'string' && canBeSent(name, value)) (accepted ??= {})[name.toLowerCase()] = value
    else {
      const message = `a subscriber to attempts has added a header that cannot be sent: ${quote(name)}; it is left out`
      warnOnce(plan, message, 'OUTRIGGER_LISTENER')
    }
  }
  return accepted && own ? Object.assign(accepted, own) : (accepted ?? own)
}

function callHeaders(
  { headers: policy, timeout }: Plan,
  attempt: Attempt,
  context: Pick<SendContext, 'remaining'> | undefined,
): Record<string, string> | undefined {
  if (policy.attempt === undefined && policy.deadline === undefined) return undefined
  const remaining = Math.min(context?.remaining ?? Infinity, timeout.attempt)
  return {
    ...(policy.attempt !== undefined && { [policy.attempt]: String(attempt.number) }),
    ...(policy.deadline !== undefined &&
      remaining < Infinity && { [policy.deadline]: String(Math.max(Math.floor(remaining), 0)) }),
  }
}

/**
 * Makes one attempt, without a deadline and without retries: picks an endpoint, and calls `send` synchronously.
 * Throws if no endpoint is available. If `send` throws, the attempt is released, and its error is thrown again.
 *
 * - `number` is the number of the try that the attempt belongs to, counted from 1.
 * - `failed` are endpoints to avoid while another one is available.
 * - `matched` is the path for which the plan was found. The path of a redirect need not have the route's parameters.
 * - `givenSubset` is the subset to pick from. Without it, the rules of `traffic` decide.
 */
export function sendOneAttempt<T>(
  core: Core,
  plan: Plan,
  options: Dispatcher.DispatchOptions,
  send: (attempt: Attempt) => T,
  number = 1,
  failed?: ReadonlySet<Endpoint>,
  matched: string = options.path,
  givenSubset?: Subset,
): T {
  const trafficRequest = {
    random: core.random,
    route: plan.route?.key,
    method: options.method,
    path: options.path,
    priority: plan.priority,
    header: (name: string) => headerOf(options.headers, name),
    param: (name: string) => plan.route && pathParams(plan.route, matched)[name],
  }
  const request: AcquireRequest = {
    ...trafficRequest,
    now: 0,
    attempt: number,
    subset:
      givenSubset ?? plan.traffic?.choose(trafficRequest, core.fleet.availability.subsetState(plan.guard)),
    excluded: (endpoint) => endpoint === request.avoid || failed?.has(endpoint) === true,
  }
  const attempt = core.fleet.acquire(request, plan.guard)
  if (!attempt) {
    const { closeError, fleet, discovery } = core
    throw closeError ?? fleet.makeRefusal(plan.guard, discovery.error, plan.route?.key, request.subset)
  }
  return attempt.releaseOnThrow(send)
}

/**
 * Moves a request of which nothing was sent to another attempt. Returns false if there is none, or if it cannot send the
 * request: then `onRefused` gets the error, and the try must fail with it. Never throws, because undici calls it.
 */
export function moveUnsent(
  receiver: Receiver<unknown>,
  error: Error,
  continueWith: (next: Attempt) => void,
  onRefused: (refusal: unknown) => void,
): boolean {
  const next = receiver.replaceUnsent(error)
  if (!next) return false
  try {
    next.releaseOnThrow(continueWith)
    return true
  } catch (refusal) {
    onRefused(refusal)
    return false
  }
}
