import type { Endpoint } from '../../balance/balancer.ts'
import type { FetchDispatcher, Platform } from '../../attempt/platform.ts'
import type { Core } from '../../call/core.ts'
import type { Operation, Receiver, SendContext, Sending } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import { isPriority, type Priority } from '../../limit/priority.ts'
import { attemptByResponse } from './contract.ts'
import { isReplayable } from '../../verdict/again.ts'
import { discardBody, holdsResource } from '../input/discard-body.ts'
import { discardResponse } from './discard-response.ts'
import { platformInit, signalOf, spelledMethod, withBody } from './init.ts'
import { copiesOf, type RequestCopies } from './request-copies.ts'
import type { HeaderTemplates } from './fast/header-templates.ts'
import { FastPath, type ThroughFetch } from './fast/fast-path.ts'
import { plainInitOf } from './fast/plain-call.ts'
import { FetchTransfer, type FetchCall, type OtherClients } from './transfer.ts'
import { isIdempotentCall } from '../plan/idempotent.ts'
import type { Logical, Target } from '../plan/target.ts'
import type { BodySource, CallInit, FetchInput } from '../../typed/call-input.ts'

/**
 * A call through the platform's fetch. fetch sees the logical URL, and below it the request goes to the pool of an
 * instance.
 */
export class FetchOperation implements Operation<Response>, FetchCall, ThroughFetch {
  readonly core: Core
  readonly logical: Logical
  readonly otherClients: OtherClients | undefined
  failedAfterRedirect: Set<Endpoint> | undefined = undefined
  readonly plan: Plan
  readonly door = 'fetch'
  readonly method: string
  readonly path: string
  readonly signal: AbortSignal | undefined
  readonly firstCallerSignal: AbortSignal | undefined
  readonly deadline: number | undefined
  readonly copies: RequestCopies | undefined = undefined
  body: unknown
  readonly idempotent: boolean
  readonly priority: Priority
  readonly #makeBody: (() => BodySource) | undefined
  readonly #input: FetchInput
  readonly #init: RequestInit | undefined
  readonly #platform: Platform
  readonly #isReplayable: boolean
  /** Sends a plain call without fetch; undefined for any other call. */
  readonly #fastPath: FastPath | undefined

  constructor(
    core: Core,
    platform: Platform,
    logical: Logical,
    target: Target,
    input: FetchInput,
    given: CallInit | undefined,
    otherClients: OtherClients | undefined,
    templates: HeaderTemplates | undefined,
    firstCallerSignal: AbortSignal | undefined,
  ) {
    const request = requestOf(input, given, target.url)
    // The properties of a Request are getters, which a spread does not copy.
    const init = given instanceof Request ? undefined : given
    this.core = core
    this.logical = logical
    this.#platform = platform
    this.otherClients = otherClients
    this.plan = target.plan
    this.priority = isPriority(init?.priority) ? init.priority : this.plan.priority
    this.method = target.method
    this.path = target.path
    this.signal = signalOf(init, request)
    this.firstCallerSignal = firstCallerSignal
    this.#input = request && init?.query ? new Request(target.url, request) : (request ?? target.url)
    this.deadline = init?.deadline
    this.#makeBody = typeof init?.body === 'function' ? init.body : undefined
    this.#init = withHeadersOf(
      request,
      init
        ? platformInit(init, spelledMethod(init.method ?? request?.method, target.method))
        : initBeside(request, target.method),
    )
    this.body = this.#init?.body ?? (this.#input instanceof Request ? this.#input.body : undefined)
    const isRequestBody = init?.body == null && !!request?.body
    this.#isReplayable = !isRequestBody && isReplayable(this.#init?.body)
    if (isRequestBody && this.plan.retry && this.#input instanceof Request) {
      const length = this.header('content-length')
      this.copies = copiesOf(this.#input, length)
      if (this.copies && length !== undefined) this.#init = withoutContentLength(this.#init)
    }
    this.idempotent = isIdempotentCall(this)
    this.#fastPath = templates && this.#createFastPath(templates, target, request, given)
  }

  #createFastPath(
    templates: HeaderTemplates,
    target: Target,
    request: Request | undefined,
    given: CallInit | undefined,
  ): FastPath | undefined {
    // `timeout.idle` needs a signal, so fetch makes the call.
    if (this.#makeBody || this.plan.timeout.idle < Infinity || given instanceof Request) return undefined
    if (!request) return FastPath.create(templates, target, this.#init)
    const init = given === undefined ? plainInitOf(request) : undefined
    return init && FastPath.create(templates, target, init)
  }

  /** For a Request with a body, this is known once it was sent. */
  get replayable(): boolean {
    return this.#isReplayable || this.copies?.hasCopy === true
  }

  header(name: string): string | undefined {
    const { headers } = this.#init ?? {}
    return headers ? (new Headers(headers).get(name) ?? undefined) : undefined
  }

  /**
   * Makes the call. fetch checks the request before its signal, so an aborted request goes to fetch: it may be
   * malformed, have a used body, or have a stream that must be cancelled. If the call ends without having been sent,
   * its stream is cancelled too.
   */
  sendOrRefuse(
    execute: (core: Core, operation: Operation<Response>) => Promise<Response>,
  ): Promise<Response> {
    const answer = execute(this.core, this)
    if (this.signal?.aborted) {
      answer.catch(() => {})
      return this.#platform.fetch(this.#input, this.#init)
    }
    const { body } = this
    if (holdsResource(body)) answer.catch((error) => discardBody(body, error))
    return answer
  }

  discard(response: Response): void {
    discardResponse(response)
  }

  send(attempt: Attempt, context: SendContext, receiver: Receiver<Response>): Sending {
    // Only if a signal aborts it, fetch's body fails with the reason of the abort.
    const stalled = this.plan.timeout.idle < Infinity ? new AbortController() : undefined
    const transfer = new FetchTransfer(this, attempt, context, receiver, stalled)
    const answer = this.#fastPath
      ? this.#fastPath.send(transfer, this)
      : this.throughFetch(transfer, stalled?.signal)
    answer.then(
      (response) => {
        try {
          transfer.answered(response)
          if (this.plan.contract?.blames && transfer.answeringAttempt)
            attemptByResponse.set(response, transfer.answeringAttempt)
        } catch (error) {
          receiver.rejected(error)
          return
        }
        receiver.resolved(response)
      },
      (error: unknown) => receiver.rejected(transfer.failed(error)),
    )
    return transfer
  }

  /** Makes one try through the platform's fetch. */
  throughFetch(dispatcher: FetchDispatcher, stalled?: AbortSignal): Promise<Response> {
    return this.#platform.fetchThrough(
      dispatcher,
      this.copies?.takeNext() ?? this.#input,
      this.#initOfTry(stalled),
    )
  }

  #initOfTry(stalled: AbortSignal | undefined): RequestInit | undefined {
    let init = this.#init
    if (this.#makeBody) {
      const body = this.#makeBody()
      this.body = body
      init = withBody(init, body)
    }
    if (!stalled) return init
    return { ...init, signal: this.signal ? AbortSignal.any([this.signal, stalled]) : stalled }
  }
}

/** A Request may be passed as input, as init, or as both. */
function requestOf(input: FetchInput, init: CallInit | undefined, url: string): Request | undefined {
  const request = input instanceof Request ? input : undefined
  return init instanceof Request ? new Request(request ?? url, init) : request
}

/**
 * Returns an init that repeats the Request's referrer. fetch drops the referrer if there is an init, and this client
 * always passes one with its dispatcher.
 */
function initBeside(request: Request | undefined, method: string): RequestInit | undefined {
  if (!request) return platformInit(undefined, method)
  const { referrer, referrerPolicy } = request
  return { method: spelledMethod(request.method, method), referrer, referrerPolicy }
}

/** Copies the headers of a Request, because the caller may change it while it waits or is sent again. */
function withHeadersOf(request: Request | undefined, init: RequestInit | undefined): RequestInit | undefined {
  return request && init?.headers === undefined ? { ...init, headers: new Headers(request.headers) } : init
}

function withoutContentLength(init: RequestInit | undefined): RequestInit {
  const headers = new Headers(init?.headers)
  headers.delete('content-length')
  return { ...init, headers }
}
