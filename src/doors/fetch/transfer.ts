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
import { isNetworkFailure, isOfBody } from '../../verdict/mocked.ts'
import { noteRefusedByFetch } from '../../verdict/refused-by-fetch.ts'
import { afterRedirect, type Verdict } from '../../verdict/verdict.ts'
import { createExchange, sendOneAttempt } from '../sending/attempt.ts'
import { mirrorRequest } from '../sending/mirror.ts'
import type { Priority } from '../../limit/priority.ts'
import type { RequestCopies } from './request-copies.ts'
import type { Logical } from '../plan/target.ts'

/** Another client of the app that serves an origin, for redirects from one service to another. */
export type OtherClients = (origin: string) => FetchDispatcher | undefined

/** What all tries of one fetch call share. */
export interface FetchCall {
  readonly core: Core
  readonly plan: Plan
  readonly priority: Priority
  /** The path by which the plan was found. */
  readonly path: string
  readonly logical: Logical
  readonly otherClients: OtherClients | undefined
  /** The caller's own. */
  readonly signal: AbortSignal | undefined
  /** The body of the latest try. */
  readonly body: unknown
  /** For further tries of a Request with a body. */
  readonly copies: RequestCopies | undefined
  /** Endpoints that failed after a redirect: a further try goes past them. */
  failedAfterRedirect: Set<Endpoint> | undefined
}

/**
 * The dispatcher below one try of fetch. The first request goes to the attempt's instance, a redirect to wherever it
 * leads. The call knows the first attempt only, so the verdict of the last one is copied to it.
 */
export class FetchTransfer extends OwnDispatcher implements Sending, Pick<SendContext, 'remaining'> {
  /** Our own reason not to send, which fetch would hide behind its network error. */
  #refusal: unknown
  readonly #call: FetchCall
  #first: Exchange
  /** The latest that is ours. */
  #current: Exchange
  /** The request of a redirect that left this service. */
  #outsideRequest: OutsideRequest | undefined
  readonly #stalled: AbortController | undefined
  #origin = ''
  /** Not the context itself, which holds the call and its response: an unread one could not be collected. */
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
    const handOverUnsent = (error: Error): boolean => {
      const next = receiver.replaceUnsent(error)
      return next?.releaseOnThrow(() => this.#continueWith(this.#exchangeOf(next, handOverUnsent))) === true
    }
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

  /** Another attempt sends what this one could not. */
  #continueWith(next: Exchange): boolean {
    const last = this.#current
    this.#first = this.#current = next
    try {
      checkScheme(this.#origin, next.attempt)
    } catch (error) {
      this.#refusal = error
      next.attempt.release()
      return false
    }
    last.handOver(next)
    return true
  }

  /** KeyedRequest by fetch, which then hands a body down as the caller gave it, for undici's MockAgent to match. */
  get isMockActive(): boolean {
    try {
      // It is sent on that pool next.
      const { constructor } = this.#current.attempt.endpoint.getPool() as {
        constructor?: { name?: unknown }
      }
      return String(constructor?.name).startsWith('Mock')
    } catch {
      // A transport of the user's that throws: sending says so.
      return false
    }
  }

  /** Of the first request: who has answered it with a redirect has had it, so after a redirect nothing counts as unsent. */
  get sent(): boolean {
    return this.#first.sent
  }

  get remaining(): number {
    return this.#deadline - this.#call.core.clock.now()
  }

  get queuedUntil(): number {
    return this.#current.queuedUntil
  }

  /** The attempt that produced the response, or undefined if a redirect left this service. */
  get answeringAttempt(): Attempt | undefined {
    return this.#outsideRequest ? undefined : this.#current.attempt
  }

  /** Headers came. */
  answered(response: Response): void {
    if (!this.#first.dispatched) this.#settleMocked(response)
    this.#copyLastVerdict()
  }

  /** The error to go on with. */
  failed(error: unknown): unknown {
    if (!this.#first.dispatched) {
      const { attempt } = this.#first
      attempt.error = error
      const isOurs = this.#refusal === undefined && !isOfBody(error, this.#call.body)
      if (isOurs && isNetworkFailure(error)) attempt.settle(this.#mockFailureVerdict(error))
      // A mock in the place of fetch may throw a TypeError for any reason.
      else if (isOurs && isBuiltInFetch()) noteRefusedByFetch(error)
      attempt.release()
    }
    this.#copyLastVerdict()
    // The body of a redirect that fetch did not follow, which nobody will read.
    if (this.#first.dispatched) (this.#outsideRequest ?? this.#current).dropRest()
    return this.#refusal ?? this.#current.timedOut ?? error
  }

  /**
   * A mock in the place of fetch has failed as the network does. It counts as sent, also with ECONNREFUSED: the mock may have done what
   * a server does, and nobody can tell.
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
        const going = this.#current.dispatch(this.#call.copies?.beforeSend(options) ?? options, handler)
        if (this.#call.plan.mirror) this.#mirror(attempt, options, origin)
        return going
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
    // fetch leaves the rest of a redirect's body unread, and would take its error for that of the next answer.
    const last = this.#outsideRequest ?? this.#current
    last.dropRest()
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

  /** Nobody came down to us, because fetch is a mock, which may answer with no more than its test needs. */
  #settleMocked(response: Response): void {
    try {
      this.#first.settleMocked(response.status, isWhole(response) ? Object.fromEntries(response.headers) : {})
    } finally {
      this.#first.attempt.release()
    }
  }

  /** After a redirect, the call retries and hedges by how the last attempt of ours ended. */
  #copyLastVerdict(): void {
    const { attempt } = this.#current
    const known = this.#first.attempt
    if (attempt === known || attempt.verdict === undefined) return
    const { verdict, status, error, retryAfter, endpoint } = attempt
    Object.assign(known, { verdict: afterRedirect(verdict), status, error, retryAfter, trail: attempt.trail })
    if (verdict.outcome !== 'success') (this.#call.failedAfterRedirect ??= new Set()).add(endpoint)
  }
}
