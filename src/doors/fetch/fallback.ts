import { answerVerdict } from '../../verdict/answer.ts'
import { isGoodForCaller } from '../../verdict/verdict.ts'
import { isRefusedByFetch } from '../../verdict/refused-by-fetch.ts'
import type { Core } from '../../call/core.ts'
import type { Plan } from '../../call/plan.ts'
import { resultOfAbort, outcomeOfError } from '../../call/ending.ts'
import { startTimer } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { isWhole } from '../../fallback/response.ts'
import type { FailedCall } from '../../fallback/types.ts'
import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import type { CallResult, Journal } from '../../observe/journal.ts'
import { checkNumber, quote } from '../../options.ts'
import { discardResponse } from './discard-response.ts'
import { awaitUserCode, type UserCodeWait } from './await-user-code.ts'
import { rereadableHeaders, signalOf } from './init.ts'
import { cacheModeOf, sharedInit, variantOf } from './shared-init.ts'
import type { Target } from '../plan/target.ts'
import { isA } from '../../hooks/thrown.ts'

/**
 * One fetch call, as seen by what may answer it in place of the service: the fallback, stored responses, and shared
 * requests.
 */
export interface FallbackCall {
  readonly core: Core
  readonly plan: Plan
  readonly method: string
  readonly url: string
  /** All headers that are sent. */
  readonly headers: Headers
  /** The other properties that distinguish it from calls for the same URL. */
  readonly variant: string
  /** The value of fetch's option `cache`. */
  readonly cache: string
  readonly signal: AbortSignal | undefined
  readonly deadline: number
  /** Calls may share a request only if this value is the same. Undefined if the call must not share a request. */
  readonly shareGroup: string | undefined
  readonly path: string
  /** The journal of this call while it waits for the response to another caller's request. */
  joinedJournal: Journal | undefined
  /**
   * Makes the call. If its request is shared, `shared` aborts once all callers have left, and `leaving` is the signal
   * of the caller who makes it.
   */
  start(shared?: AbortSignal, leaving?: AbortSignal): Promise<Response>
}

export function fallbackCall(
  core: Core,
  { plan, method, url, path }: Target,
  input: FetchInput,
  given: CallInit | undefined,
  start: (init: CallInit | undefined, leaving?: AbortSignal) => Promise<Response>,
): FallbackCall {
  // A Request that is passed as init has all properties.
  const request = [given, input].find((each) => each instanceof Request)
  const init = given instanceof Request ? undefined : withRereadableHeaders(given)
  const initToSend = given instanceof Request ? given : init
  // fetch itself rejects a value that is not a signal.
  const isSignal = init?.signal == null || signalOf(init, request) !== undefined
  const mayShare = method === 'GET' && init?.body == null && init?.json === undefined && isSignal
  return {
    core,
    plan,
    method,
    url,
    path,
    joinedJournal: undefined,
    headers: allHeaders(plan, init?.headers ?? request?.headers),
    variant: variantOf(init, request),
    cache: cacheModeOf(init, request),
    signal: signalOf(init, request),
    deadline: checkNumber('deadline', init?.deadline === undefined ? Infinity : init.deadline, {
      min: -Infinity,
    }),
    shareGroup: mayShare ? String(init?.priority) : undefined,
    start: (shared, leaving) => start(shared ? sharedInit(initToSend, request, shared) : initToSend, leaving),
  }
}

/**
 * Adds the fixed headers of the option `headers`. An update may change them, and a response that was stored with the
 * old ones must not be used with the new ones.
 */
function allHeaders({ headers: { own } }: Plan, given: RequestInit['headers']): Headers {
  const all = new Headers(given)
  for (const [name, value] of Object.entries(own?.fixed ?? {})) if (!all.has(name)) all.set(name, value)
  return all
}

function withRereadableHeaders(init: CallInit | undefined): CallInit | undefined {
  return init?.headers ? { ...init, headers: rereadableHeaders(init.headers) } : init
}

/** True if the plan has a fallback, stored responses or shared requests. */
export function hasFallback({ fallback: { answer, stale, coalescer } }: Plan): boolean {
  return answer !== undefined || stale !== undefined || coalescer !== undefined
}

/** Makes the call. If the plan says so, it shares its request with identical calls that are in flight. */
function sendShared(call: FallbackCall): Promise<Response> {
  const { shareGroup, variant, core, plan } = call
  const { coalescer } = plan.fallback
  if (!coalescer || shareGroup === undefined || hasEnded(call)) return call.start()
  const key = coalescer.key({ ...call, variant: JSON.stringify([variant, shareGroup]) }, call.cache)
  if (!key) return call.start()
  // A call that has waited for a shared response, and must then be sent alone, gets no additional time.
  const deadline = Math.min(call.deadline, core.clock.now() + plan.timeout.total)
  return limitToDeadline(call, (signal) => {
    const alone = (): Promise<Response> => {
      // From now on it is a call of its own, unless its time is over.
      if (deadline > core.clock.now()) call.joinedJournal = undefined
      return limitToDeadline({ core, signal, deadline }, (own) => call.start(own))
    }
    const joined = (): void => {
      const { method, path } = call
      call.joinedJournal = core.observer.begin({ door: 'fetch', route: plan.route?.key, method, path })
    }
    return coalescer.run(key, { signal, start: (all) => call.start(all, signal), alone, joined })
  })
}

/**
 * True if the call has ended before it begins. It shares no request, so that its end is reported like that of any
 * call.
 */
function hasEnded({ core, signal, deadline }: FallbackCall): boolean {
  return signal?.aborted === true || deadline <= core.clock.now()
}

/** Rejects when the caller's deadline passes. This ends only the caller's wait, and not the shared request. */
async function limitToDeadline(
  { core, signal, deadline }: Pick<FallbackCall, 'core' | 'signal' | 'deadline'>,
  wait: (signal: AbortSignal | undefined) => Promise<Response>,
): Promise<Response> {
  if (deadline === Infinity) return wait(signal)
  const timeout = new AbortController()
  const remaining = deadline - core.clock.now()
  const expired = (): Error => timeoutError(`no answer from ${core.service} before the caller's own deadline`)
  if (remaining <= 0) throw expired()
  const cancel = startTimer(core.clock, remaining, () => timeout.abort(expired()))
  try {
    return await wait(signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal)
  } finally {
    cancel()
  }
}

/**
 * Returns the response of the service if it is good. Otherwise returns the stored response, that of the fallback, or
 * the failure itself.
 */
export async function withFallback(call: FallbackCall): Promise<Response> {
  const { stale, answer } = call.plan.fallback
  const request = stale?.request(call, call.cache)
  let failure: unknown
  try {
    const response = await sendShared(call)
    const good = isGood(response, call.plan)
    endSharedJournal(call, { outcome: good ? 'success' : 'failure', status: response.status })
    const recorded = stale ? stale.wrap(request, response, good) : response
    if (good) return recorded
    failure = response
  } catch (error) {
    endSharedJournal(
      call,
      call.signal?.aborted ? resultOfAbort(error) : { outcome: outcomeOfError(error), error },
    )
    if (call.signal?.aborted || isRefusedByFetch(error)) throw error
    failure = error
  }
  const stored = stale?.get(request)
  if (stored) {
    discardFailure(failure)
    announceFallback(call, failure)
    return stored
  }
  if (answer) {
    let replacement: Response | undefined
    try {
      replacement = checkAnswer(await awaitUserCode(waitFor(call), answer(failure, describe(call))), failure)
    } finally {
      // The fallback may have used the body of the failed response.
      if (isA(failure, Response) && replacement !== failure && replacement?.body !== failure.body)
        discardFailure(failure)
    }
    announceFallback(call, failure)
    return replacement
  }
  if (isA(failure, Response)) return failure
  throw failure
}

/** A fallback has `timeout.total` from its start, because the time of the call may be over already. */
function waitFor({ core, plan, signal, deadline }: FallbackCall): UserCodeWait {
  return { core, signal, deadline, total: plan.timeout.total, what: 'the fallback' }
}

/** Reports the end of a call that has shared another caller's request: it is a call of its own. */
function endSharedJournal({ joinedJournal }: FallbackCall, result: CallResult): void {
  joinedJournal?.end({ ...result, coalesced: true })
}

/**
 * Throws unless the fallback has returned a Response. It may be one of an npm package, so only its status is checked.
 */
function checkAnswer(answer: Response, failure: unknown): Response {
  const { status } = (answer as Partial<Response> | null | undefined) ?? {}
  if (typeof status === 'number') return answer
  const cause = isA(failure, Error) ? failure : undefined
  throw new TypeError(`fallback must return a Response, got ${quote(answer)}`, { cause })
}

/** Discards a response that is not returned to the caller. */
function discardFailure(failure: unknown): void {
  if (isA(failure, Response)) discardResponse(failure)
}

function isGood(response: Response, { classify: custom }: Plan): boolean {
  const headers = isWhole(response) ? Object.fromEntries(response.headers) : {}
  // `classify` was asked already, perhaps for another caller's call. Its verdict is not kept with the response.
  return isGoodForCaller(answerVerdict({ status: response.status, headers }, custom).outcome)
}

function describe({ core, plan, method, url }: FallbackCall): FailedCall {
  const call = { service: core.service, method, url }
  return plan.route ? { ...call, route: plan.route.key } : call
}

function announceFallback({ core, plan }: FallbackCall, failure: unknown): void {
  if (!core.events.has('call:fallback')) return
  core.events.emit('call:fallback', {
    ...core.stamp(),
    ...(plan.route && { route: plan.route.key }),
    ...(isA(failure, Response) ? { status: failure.status } : { error: failure }),
  })
}
