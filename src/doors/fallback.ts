import { classify } from '../attempt/classify.ts'
import type { Core } from '../call/core.ts'
import type { Plan } from '../call/plan.ts'
import { RequestKeys } from '../fallback/key.ts'
import type { FailedCall } from '../fallback/types.ts'
import type { FetchInput } from '../attempt/platform.ts'
import { quote } from '../options.ts'
import { discardBody } from './discard.ts'
import type { CallInit, Target } from './target.ts'

/** One fetch call, for those who may answer it in the service's stead. */
export interface FallbackCall {
  readonly core: Core
  readonly plan: Plan
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly signal: AbortSignal | undefined
  /** Makes the call; with another signal when it is shared. */
  start(signal: AbortSignal | undefined): Promise<Response>
}

export function fallbackCall(
  core: Core,
  { plan, method, url }: Target,
  input: FetchInput,
  init: CallInit | undefined,
  start: (init: CallInit | undefined) => Promise<Response>,
): FallbackCall {
  const request = input instanceof Request ? input : undefined
  const own = init?.signal ?? request?.signal
  return {
    core,
    plan,
    method,
    url,
    headers: new Headers(init?.headers ?? request?.headers),
    signal: own,
    start: (signal) => start(signal === own || !signal ? init : { ...init, signal }),
  }
}

const keys = new RequestKeys()

/** Whether the plan has anything to fall back to, or anybody to share a request with. */
export function hasFallback({ fallback: { answer, stale, coalescer } }: Plan): boolean {
  return answer !== undefined || stale !== undefined || coalescer !== undefined
}

/** Shares the request with identical ones under way, if the plan says so. */
function shared(call: FallbackCall): Promise<Response> {
  const { method, url, headers, signal } = call
  const { coalescer } = call.plan.fallback
  const key = coalescer && method === 'GET' ? keys.of(method, url, headers) : undefined
  return coalescer && key !== undefined
    ? coalescer.run(key, signal, (all) => call.start(all))
    : call.start(signal)
}

/** The answer of the service if it is good; otherwise the last good one, the fallback's, or what there is. */
export async function withFallback(call: FallbackCall): Promise<Response> {
  const { stale, answer } = call.plan.fallback
  const key = stale?.key(call.method, call.url, call.headers)
  let failure: unknown
  try {
    const response = await shared(call)
    if (isGood(response, call.plan)) return stale ? stale.wrap(key, response) : response
    failure = response
  } catch (error) {
    if (call.signal?.aborted) throw error
    failure = error
  }
  const kept = stale?.get(key)
  if (kept || answer) announceFallback(call, failure)
  if (kept) {
    letGo(failure)
    return kept
  }
  if (answer) return checkAnswer(await answer(failure, describe(call)), failure)
  if (failure instanceof Response) return failure
  throw failure
}

/** The caller relies on a Response; duck-typed, for it may be the one of an npm package. */
function checkAnswer(answer: Response, failure: unknown): Response {
  const { status } = (answer as Partial<Response> | null | undefined) ?? {}
  if (typeof status === 'number') return answer
  letGo(failure)
  const cause = failure instanceof Error ? failure : undefined
  throw new TypeError(`fallback must return a Response, got ${quote(answer)}`, { cause })
}

/** Nobody is going to read it. */
function letGo(failure: unknown): void {
  if (failure instanceof Response) discardBody(failure.body, failure.headers.get('content-length'))
}

function isGood({ status, headers }: Response, { classify: custom }: Plan): boolean {
  const outcome = classify({ status, headers: Object.fromEntries(headers) }, custom)
  return outcome === 'success' || outcome === 'ignored'
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
    ...(failure instanceof Response ? { status: failure.status } : { error: failure }),
  })
}
