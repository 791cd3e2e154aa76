import { answerVerdict } from '../../verdict/answer.ts'
import { isGoodForCaller } from '../../verdict/verdict.ts'
import { isRefusedByFetch } from '../../verdict/refused-by-fetch.ts'
import type { Core } from '../../call/core.ts'
import type { Plan } from '../../call/plan.ts'
import { abortedBy, outcomeOfError } from '../../call/ending.ts'
import { startTimer } from '../../clock.ts'
import { timeoutError } from '../../errors.ts'
import { isWhole } from '../../fallback/response.ts'
import type { FailedCall } from '../../fallback/types.ts'
import type { CallInit, FetchInput } from '../../typed/call-input.ts'
import type { CallResult, Journal } from '../../observe/journal.ts'
import { checkNumber, quote } from '../../options.ts'
import { discardResponse } from './discard-response.ts'
import { awaitFallback } from './await-fallback.ts'
import { rereadableHeaders, signalOf } from './init.ts'
import { cacheModeOf, sharedInit, variantOf } from './shared-init.ts'
import type { Target } from '../plan/target.ts'
import { isA } from '../../hooks/thrown.ts'

/** One fetch call, for those who may answer it in the service's stead. */
export interface FallbackCall {
  readonly core: Core
  readonly plan: Plan
  readonly method: string
  readonly url: string
  /** All that are sent. */
  readonly headers: Headers
  /** What else tells it from others. */
  readonly variant: string
  /** fetch's `cache`. */
  readonly cache: string
  readonly signal: AbortSignal | undefined
  readonly deadline: number
  /** What it must have in common with others to share their request; undefined if it must not. */
  readonly shareGroup: string | undefined
  readonly path: string
  /** What it has to tell while it waits for the answer to another caller's request. */
  joined: Journal | undefined
  /** Makes the call, under the signal of all who share it if it is shared; `leaving` is then that of the one who makes it. */
  start(shared?: AbortSignal, leaving?: AbortSignal): Promise<Response>
}

export function fallbackCall(
  core: Core,
  { plan, method, url, path }: Target,
  input: FetchInput,
  given: CallInit | undefined,
  start: (init: CallInit | undefined, leaving?: AbortSignal) => Promise<Response>,
): FallbackCall {
  // A Request in the place of the init says it all.
  const request = [given, input].find((each) => each instanceof Request)
  const init = given instanceof Request ? undefined : withRereadableHeaders(given)
  const own = given instanceof Request ? given : init
  // What is no signal is fetch's to complain of.
  const isSignal = init?.signal == null || signalOf(init, request) !== undefined
  const mayShare = method === 'GET' && init?.body == null && init?.json === undefined && isSignal
  return {
    core,
    plan,
    method,
    url,
    path,
    joined: undefined,
    headers: allHeaders(plan, init?.headers ?? request?.headers),
    variant: variantOf(init, request),
    cache: cacheModeOf(init, request),
    signal: signalOf(init, request),
    deadline: checkNumber('deadline', init?.deadline === undefined ? Infinity : init.deadline, {
      min: -Infinity,
    }),
    shareGroup: mayShare ? String(init?.priority) : undefined,
    start: (shared, leaving) => start(shared ? sharedInit(own, request, shared) : own, leaving),
  }
}

/** With those of the option `headers`, which an update may change: what was kept under the old ones is not for the new. */
function allHeaders({ headers: { own } }: Plan, given: RequestInit['headers']): Headers {
  const all = new Headers(given)
  for (const [name, value] of Object.entries(own?.fixed ?? {})) if (!all.has(name)) all.set(name, value)
  return all
}

function withRereadableHeaders(init: CallInit | undefined): CallInit | undefined {
  return init?.headers ? { ...init, headers: rereadableHeaders(init.headers) } : init
}

/** Whether the plan has anything to fall back to, or anybody to share a request with. */
export function hasFallback({ fallback: { answer, stale, coalescer } }: Plan): boolean {
  return answer !== undefined || stale !== undefined || coalescer !== undefined
}

/** Shares the request with identical ones under way, if the plan says so. */
function sendShared(call: FallbackCall): Promise<Response> {
  const { shareGroup, variant, core, plan } = call
  const { coalescer } = plan.fallback
  if (!coalescer || shareGroup === undefined || hasEnded(call)) return call.start()
  const key = coalescer.key({ ...call, variant: JSON.stringify([variant, shareGroup]) }, call.cache)
  if (!key) return call.start()
  // Who goes on alone after he has waited has no more time than before.
  const deadline = Math.min(call.deadline, core.clock.now() + plan.timeout.total)
  return limitToDeadline(call, (signal) => {
    const alone = (): Promise<Response> => {
      // It is a call like any other from now on, if it has any time left to be one.
      if (deadline > core.clock.now()) call.joined = undefined
      return limitToDeadline({ core, signal, deadline }, (own) => call.start(own))
    }
    const joined = (): void => {
      const { method, path } = call
      call.joined = core.observer.begin({ door: 'fetch', route: plan.route?.key, method, path })
    }
    return coalescer.run(key, { signal, start: (all) => call.start(all, signal), alone, joined })
  })
}

/** It shares nothing: it ends as a call of its own, which is told of. */
function hasEnded({ core, signal, deadline }: FallbackCall): boolean {
  return signal?.aborted === true || deadline <= core.clock.now()
}

/** A deadline of the caller's own is nobody else's: it ends his wait, and not the request that he shares. */
async function limitToDeadline(
  { core, signal, deadline }: Pick<FallbackCall, 'core' | 'signal' | 'deadline'>,
  wait: (signal: AbortSignal | undefined) => Promise<Response>,
): Promise<Response> {
  if (deadline === Infinity) return wait(signal)
  const late = new AbortController()
  const left = deadline - core.clock.now()
  const expired = (): Error => timeoutError(`no answer from ${core.service} before the caller's own deadline`)
  if (left <= 0) throw expired()
  const cancel = startTimer(core.clock, left, () => late.abort(expired()))
  try {
    return await wait(signal ? AbortSignal.any([signal, late.signal]) : late.signal)
  } finally {
    cancel()
  }
}

/** The answer of the service if it is good; otherwise the last good one, the fallback's, or what there is. */
export async function withFallback(call: FallbackCall): Promise<Response> {
  const { stale, answer } = call.plan.fallback
  const request = stale?.request(call, call.cache)
  let failure: unknown
  try {
    const response = await sendShared(call)
    const good = isGood(response, call.plan)
    endSharedJournal(call, { outcome: good ? 'success' : 'failure', status: response.status })
    const own = stale ? stale.wrap(request, response, good) : response
    if (good) return own
    failure = response
  } catch (error) {
    endSharedJournal(
      call,
      call.signal?.aborted ? abortedBy(error) : { outcome: outcomeOfError(error), error },
    )
    if (call.signal?.aborted || isRefusedByFetch(error)) throw error
    failure = error
  }
  const kept = stale?.get(request)
  if (kept) {
    discardFailure(failure)
    announceFallback(call, failure)
    return kept
  }
  if (answer) {
    let made: Response | undefined
    try {
      made = checkAnswer(await awaitFallback(call, answer(failure, describe(call))), failure)
    } finally {
      // Unless it lives on in the answer.
      if (isA(failure, Response) && made !== failure && made?.body !== failure.body) discardFailure(failure)
    }
    announceFallback(call, failure)
    return made
  }
  if (isA(failure, Response)) return failure
  throw failure
}

/** Who shares another caller's request has a call of its own all the same. */
function endSharedJournal({ joined }: FallbackCall, result: CallResult): void {
  joined?.end({ ...result, coalesced: true })
}

/** The caller relies on a Response; duck-typed, for it may be the one of an npm package. */
function checkAnswer(answer: Response, failure: unknown): Response {
  const { status } = (answer as Partial<Response> | null | undefined) ?? {}
  if (typeof status === 'number') return answer
  const cause = isA(failure, Error) ? failure : undefined
  throw new TypeError(`fallback must return a Response, got ${quote(answer)}`, { cause })
}

/** Nobody is going to read it. */
function discardFailure(failure: unknown): void {
  if (isA(failure, Response)) discardResponse(failure)
}

function isGood(response: Response, { classify: custom }: Plan): boolean {
  const headers = isWhole(response) ? Object.fromEntries(response.headers) : {}
  // The attempt has asked `classify` already, perhaps of another caller's call, and its verdict is not kept with the response.
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
