import type { Endpoint } from '../../balance/balancer.ts'
import { OutsideRequest } from '../../attempt/outside-request.ts'
import { checkScheme } from '../../attempt/address.ts'
import type { Exchange } from '../../attempt/exchange.ts'
import {
  dispatchByPlatform,
  isBuiltInFetch,
  OwnDispatcher,
  type FetchDispatcher,
} from '../../attempt/platform.ts'
import type { Core } from '../../call/core.ts'
import type { Receiver, SendContext, Sending } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import { isWhole } from '../../fallback/response.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import type { Dispatcher } from '../../undici.ts'
import { faultVerdict } from '../../verdict/fault.ts'
import { isNetworkFailure, mayComeFromBody } from '../../verdict/mocked.ts'
import { noteRefusedByFetch } from '../../verdict/refused-by-fetch.ts'
import { afterRedirect, type Verdict } from '../../verdict/verdict.ts'
import { createExchange, moveUnsent, sendOneAttempt } from '../sending/attempt.ts'
import { mirrorRequest } from '../sending/mirror.ts'
import type { Priority } from '../../limit/priority.ts'
import type { RequestCopies } from './request-copies.ts'
import type { Logical } from '../plan/target.ts'

/**
 * Returns the dispatcher of the application's client for an origin, if there is one. A redirect from one service to
 * another uses it.
 */
export type OtherClients = (origin: string) => FetchDispatcher | undefined

/** What all tries of one fetch call share. */
export interface FetchCall {
  readonly core: Core
  readonly plan: Plan
  readonly priority: Priority
  /** The path for which the plan was found. */
  readonly path: string
  readonly logical: Logical
  readonly otherClients: OtherClients | undefined
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined
  /** The body of the latest try. */
  readonly body: unknown
  /** The copies of a Request with a body, for further tries. */
  readonly copies: RequestCopies | undefined
  /** Endpoints that failed after a redirect. Further tries avoid them. */
  failedAfterRedirect: Set<Endpoint> | undefined
}

/**
 * The dispatcher below one try of fetch. It sends the first request to the attempt's instance, and each redirect to
 * its target. The call knows only the first attempt, so the verdict of the last attempt is copied to the first.
 */
export class FetchTransfer extends OwnDispatcher implements Sending, Pick<SendContext, 'remaining'> {
  /** Why the request was not sent. fetch would report a general network error in its place. */
  #refusal: unknown
  readonly #call: FetchCall
  #first: Exchange
  /** The latest exchange of this client. */
  #current: Exchange
  /** The request of a redirect that has left this service. */
  #outsideRequest: OutsideRequest | undefined
  readonly #stalled: AbortController | undefined
  #origin = ''
  /**
   * The clock's time, in milliseconds. The context itself is not stored: it refers to the call and its response,
   * which could then not be garbage-collected while it is unread.
   */
  readonly #deadline: number

  constructor(
    call: FetchCall,
    attempt: Attempt,
    context: SendContext,
    receiver: Receiver<unknown>,
    stalled: AbortController | undefined,
  ) {
    super()
    this.#call = call
    this.#stalled = stalled
    this.#deadline = context.deadline
    const handOverUnsent = (error: Error): boolean =>
      moveUnsent(
        receiver,
        error,
        (next) => this.#continueWith(this.#exchangeOf(next, handOverUnsent)),
        (refusal) => (this.#refusal = refusal),
      )
    this.#first = this.#current = this.#exchangeOf(attempt, handOverUnsent)
  }

  #exchangeOf(attempt: Attempt, handOverUnsent?: (error: Error) => boolean): Exchange {
    const { core, plan, logical, signal } = this.#call
    const abortable = signal !== undefined
    return createExchange(core, plan, attempt, logical, this, {
      stalled: this.#stalled,
      abortable,
      handOverUnsent,
    })
  }

  /** Sends the request with another attempt, because nothing of it was sent. */
  #continueWith(next: Exchange): void {
    const previous = this.#current
    this.#first = this.#current = next
    checkScheme(this.#origin, next.attempt)
    previous.handOver(next)
  }

  /**
   * Read by fetch. If true, fetch passes the body on as the caller gave it, so that undici's MockAgent can match it.
   */
  get isMockActive(): boolean {
    try {
      // The request is sent to this pool next.
      const { constructor } = this.#current.attempt.endpoint.getPool() as {
        constructor?: { name?: unknown }
      }
      return String(constructor?.name).startsWith('Mock')
    } catch {
      // The user function `transport` has thrown. Sending fails with the same error.
      return false
    }
  }

  /**
   * True if the first request was sent. An instance that has redirected it has processed it, so after a redirect
   * nothing counts as unsent.
   */
  get sent(): boolean {
    return this.#first.sent
  }

  get remaining(): number {
    return this.#deadline - this.#call.core.clock.now()
  }

  get queuedUntil(): number {
    return this.#current.queuedUntil
  }

  /** The attempt that produced the response, or undefined if a redirect has left this service. */
  get answeringAttempt(): Attempt | undefined {
    return this.#outsideRequest ? undefined : this.#current.attempt
  }

  /** The response headers have arrived. */
  answered(response: Response): void {
    if (!this.#first.dispatched) this.#settleMocked(response)
    this.#copyLastVerdict()
  }

  /** Settles the attempt if fetch has failed without a request. Returns the error with which the try fails. */
  failed(error: unknown): unknown {
    if (!this.#first.dispatched) {
      const { attempt } = this.#first
      attempt.error = error
      const isOurs = this.#refusal === undefined && !mayComeFromBody(error, this.#call.body)
      if (isOurs && isNetworkFailure(error)) attempt.settle(this.#mockFailureVerdict(error))
      // A mock of fetch may throw a TypeError for any reason.
      else if (isOurs && isBuiltInFetch()) noteRefusedByFetch(error)
      attempt.release()
    }
    this.#copyLastVerdict()
    // If fetch did not follow a redirect, nothing reads its body.
    if (this.#first.dispatched) (this.#outsideRequest ?? this.#current).dropRest()
    return this.#refusal ?? this.#current.timedOut ?? error
  }

  /**
   * Returns the verdict for a mock of fetch that has failed like a network. The request counts as sent, even with
   * ECONNREFUSED, because the mock may have done what a server does.
   */
  #mockFailureVerdict(error: unknown): Verdict {
    const { classify } = this.#call.plan
    return faultVerdict({ error, sent: true, isAnswered: false, isReused: false, body: undefined }, classify)
  }

  abort(reason: Error, verdict: Verdict): void {
    const { attempt } = this.#current
    attempt.error ??= reason
    attempt.settle(verdict)
    this.#current.abort(reason)
    this.#outsideRequest?.abort(reason)
    this.#copyLastVerdict()
  }

  abortAtLimit(reason: Error, verdict: Verdict): void {
    this.#current.abortAtLimit(reason, verdict)
    this.#outsideRequest?.abort(reason)
  }

  protected send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(options.origin)
    this.#origin = origin
    try {
      if (this.#current.dispatched) return this.#redirected(origin, options, handler)
      return this.#current.attempt.releaseOnThrow((attempt) => {
        checkScheme(origin, attempt)
        const mayDispatchMore = this.#current.dispatch(
          this.#call.copies?.beforeSend(options) ?? options,
          handler,
        )
        if (this.#call.plan.mirror) this.#mirror(attempt, options, origin)
        return mayDispatchMore
      })
    } catch (error) {
      this.#refusal = error
      throw error
    }
  }

  #mirror(attempt: Attempt, options: Dispatcher.DispatchOptions, origin: string): void {
    const { core, plan, logical, priority } = this.#call
    mirrorRequest(core, plan, { attempt, options, origin, logical, priority, context: this })
  }

  #redirected(
    origin: string,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const { core, plan, path, logical, otherClients, failedAfterRedirect } = this.#call
    // fetch does not read the rest of a redirect's body. If that body fails, fetch would take its error for one of
    // the next response.
    const previous = this.#outsideRequest ?? this.#current
    previous.dropRest()
    this.#outsideRequest = undefined
    if (origin.slice(origin.indexOf('//') + 2) !== logical.host) {
      this.#outsideRequest = new OutsideRequest(handler)
      const to = this.#outsideRequest.handler
      return otherClients?.(origin)?.dispatch(options, to) ?? dispatchByPlatform(options, to)
    }
    const { number, trail, headers, subset } = this.#first.attempt
    const send = (attempt: Attempt): boolean => {
      checkScheme(origin, attempt)
      const dispatch = (): boolean => {
        this.#current = this.#exchangeOf(attempt)
        return this.#current.dispatch(options, handler)
      }
      attempt.headers = headers
      attempt.trail = trail?.onward(attempt.instance)
      return attempt.trail ? attempt.trail.trace(attempt.number, dispatch) : dispatch()
    }
    return sendOneAttempt(core, plan, options, send, number, failedAfterRedirect, path, subset)
  }

  /** Settles the attempt of a try that a mock of fetch has answered. Its response may have only what its test needs. */
  #settleMocked(response: Response): void {
    try {
      this.#first.settleMocked(response.status, isWhole(response) ? Object.fromEntries(response.headers) : {})
    } finally {
      this.#first.attempt.release()
    }
  }

  /**
   * Copies the verdict of the last attempt to the first one: after a redirect, retries and hedges depend on how the
   * last attempt of this client has ended.
   */
  #copyLastVerdict(): void {
    const { attempt } = this.#current
    const known = this.#first.attempt
    if (attempt === known || attempt.verdict === undefined) return
    const { verdict, status, error, retryAfter, endpoint } = attempt
    Object.assign(known, { verdict: afterRedirect(verdict), status, error, retryAfter, trail: attempt.trail })
    if (verdict.outcome !== 'success') (this.#call.failedAfterRedirect ??= new Set()).add(endpoint)
  }
}
