import { checkScheme, type Exchange } from '../attempt/exchange.ts'
import {
  dispatchElsewhere,
  ours,
  type FetchDispatcher,
  type FetchInput,
  type Platform,
} from '../attempt/platform.ts'
import type { Core } from '../call/core.ts'
import type { Operation, Receiver, SendContext, Sending, Tried } from '../call/operation.ts'
import type { Plan } from '../call/plan.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { isPriority, type Priority } from '../limit/priority.ts'
import type { Dispatcher } from '../undici.ts'
import { answeredBy } from './contract.ts'
import { discardBody } from './discard.ts'
import { acquireHop, exchangeFor } from './hop.ts'
import { isIdempotent, isReplayable, isRetryable } from './retryable.ts'
import { plainInit, spelledMethod, withBody } from './init.ts'
import type { BodySource, CallInit, Logical, Target } from './target.ts'

/** Another client of the app that serves an origin, for redirects from one service to another. */
export type Neighbours = (origin: string) => FetchDispatcher | undefined

/** A call through the platform's fetch: the logical URL above it, the instance's pool below it. */
export class FetchOperation implements Operation<Response> {
  readonly plan: Plan
  readonly method: string
  readonly path: string
  readonly signal: AbortSignal | undefined
  readonly deadline: number | undefined
  readonly replayable: boolean
  readonly idempotent: boolean
  readonly priority: Priority
  readonly #makeBody: (() => BodySource) | undefined
  readonly #input: FetchInput
  readonly #init: RequestInit | undefined
  readonly #core: Core
  readonly #logical: Logical
  readonly #platform: Platform
  readonly #neighbours: Neighbours | undefined

  constructor(
    core: Core,
    platform: Platform,
    logical: Logical,
    target: Target,
    input: FetchInput,
    given: CallInit | undefined,
    neighbours: Neighbours | undefined,
  ) {
    const request = requestOf(input, given, target.url)
    // What a Request has are getters, which no spread would copy.
    const init = given instanceof Request ? undefined : given
    this.#core = core
    this.#logical = logical
    this.#platform = platform
    this.#neighbours = neighbours
    this.plan = target.plan
    this.priority = isPriority(init?.priority) ? init.priority : this.plan.priority
    this.method = target.method
    this.path = target.path
    this.signal = signalOf(init, request)
    this.#input = request && init?.query ? new Request(target.url, request) : (request ?? target.url)
    this.deadline = init?.deadline
    this.#makeBody = typeof init?.body === 'function' ? init.body : undefined
    this.#init = init
      ? plainInit(init, spelledMethod(init.method ?? request?.method, target.method))
      : initBeside(request, target.method)
    this.replayable = isReplayable(this.#init?.body) && (init?.body !== undefined || !request?.body)
    this.idempotent =
      this.plan.idempotent ?? isIdempotent(this.method, this.header('idempotency-key') !== undefined)
  }

  header(name: string): string | undefined {
    const { headers } = this.#init ?? {}
    const request = this.#input instanceof Request ? this.#input.headers : undefined
    return (headers ? new Headers(headers) : request)?.get(name) ?? undefined
  }

  retryable(tried: Tried<Response>): boolean {
    return isRetryable(tried, this.idempotent)
  }

  discard(response: Response): void {
    discardBody(response.body, response.headers.get('content-length'))
  }

  send(attempt: Attempt, context: SendContext, receiver: Receiver<Response>): Sending {
    // Only a signal gives fetch's body the error it is aborted with.
    const idle = this.plan.timeout.idle < Infinity ? new AbortController() : undefined
    const onIdle = idle && ((error: Error): void => idle.abort(error))
    const first = exchangeFor(this.#core, this.plan, attempt, this.#logical, context, onIdle)
    const path = new Path(this.#core, this.plan, this.#logical, first, this.#neighbours)
    this.#platform.fetchThrough(path, this.#input, this.#initOfTry(idle?.signal)).then(
      (response) => {
        if (!first.dispatched) first.finish(response.status, Object.fromEntries(response.headers))
        if (this.plan.contract?.blames && path.answerer) answeredBy.set(response, path.answerer)
        receiver.resolved(response)
      },
      (error: unknown) => {
        if (!first.dispatched) {
          attempt.error = error
          attempt.release()
        }
        // fetch hides our own reasons behind its network error.
        receiver.rejected(path.refusal ?? first.timedOut ?? error)
      },
    )
    return path
  }

  #initOfTry(idle: AbortSignal | undefined): RequestInit | undefined {
    const init = this.#makeBody ? withBody(this.#init, this.#makeBody()) : this.#init
    if (!idle) return init
    return { ...init, signal: this.signal ? AbortSignal.any([this.signal, idle]) : idle }
  }
}

/** A Request may stand in either place, or in both. */
function requestOf(input: FetchInput, init: CallInit | undefined, url: string): Request | undefined {
  const request = input instanceof Request ? input : undefined
  return init instanceof Request ? new Request(request ?? url, init) : request
}

/** fetch forgets a Request's referrer once there is an init beside it; with our dispatcher there always is. */
function initBeside(request: Request | undefined, method: string): RequestInit | undefined {
  if (!request) return plainInit(undefined, method)
  const { referrer, referrerPolicy } = request
  return { method: spelledMethod(request.method, method), referrer, referrerPolicy }
}

/** As fetch has it: null lets go of the Request's own. Of what is no signal, fetch will say so. */
function signalOf(init: CallInit | undefined, request: Request | undefined): AbortSignal | undefined {
  const signal: unknown = init?.signal === undefined ? request?.signal : init.signal
  return signal instanceof AbortSignal ? signal : undefined
}

/** Where one fetch's requests go: the first to its attempt, redirects to wherever they lead. */
class Path implements FetchDispatcher, Sending {
  readonly [ours] = true
  refusal: unknown
  /** A redirect led to somebody else. */
  #left = false
  #exchange: Exchange
  readonly #core: Core
  readonly #plan: Plan
  readonly #logical: Logical
  readonly #neighbours: Neighbours | undefined

  constructor(core: Core, plan: Plan, logical: Logical, first: Exchange, neighbours: Neighbours | undefined) {
    this.#core = core
    this.#plan = plan
    this.#logical = logical
    this.#exchange = first
    this.#neighbours = neighbours
  }

  get sent(): boolean {
    return this.#exchange.sent
  }

  /** Whose answer it is, if it is ours. */
  get answerer(): Attempt | undefined {
    return this.#left ? undefined : this.#exchange.attempt
  }

  abort(reason: Error, outcome: 'failure' | 'ignored'): void {
    const { attempt, sent } = this.#exchange
    // After a redirect it is not the attempt that the call knows of.
    attempt.error ??= reason
    attempt.settle(outcome, attempt.age(), outcome === 'failure' && !sent)
    this.#exchange.abort(reason)
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(options.origin)
    try {
      if (this.#exchange.dispatched) return this.#redirected(origin, options, handler)
      checkScheme(origin, this.#exchange.attempt)
      return this.#exchange.dispatch(this.#exchange.address(options), handler)
    } catch (error) {
      this.refusal = error
      throw error
    }
  }

  #redirected(
    origin: string,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (origin.slice(origin.indexOf('//') + 2) !== this.#logical.host) {
      this.#left = true
      return this.#neighbours?.(origin)?.dispatch(options, handler) ?? dispatchElsewhere(options, handler)
    }
    this.#left = false
    const attempt = acquireHop(this.#core, this.#plan, options)
    checkScheme(origin, attempt)
    this.#exchange = exchangeFor(this.#core, this.#plan, attempt, this.#logical)
    return this.#exchange.dispatch(this.#exchange.address(options), handler)
  }
}
