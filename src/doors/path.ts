import type { Endpoint } from '../balance/balancer.ts'
import { Elsewhere } from '../attempt/elsewhere.ts'
import { checkScheme } from '../attempt/address.ts'
import type { Exchange } from '../attempt/exchange.ts'
import { dispatchElsewhere, OwnDispatcher, type FetchDispatcher } from '../attempt/platform.ts'
import type { Core } from '../call/core.ts'
import type { Receiver, SendContext, Sending } from '../call/operation.ts'
import type { Plan } from '../call/plan.ts'
import { isWhole } from '../fallback/response.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'
import { afterRedirect, type Verdict } from '../verdict/verdict.ts'
import { acquireHop, exchangeFor } from './hop.ts'
import type { Spare } from './spare.ts'
import type { Logical } from './target.ts'

/** Another client of the app that serves an origin, for redirects from one service to another. */
export type Neighbours = (origin: string) => FetchDispatcher | undefined

/** What the paths of a call's tries have in common. */
export interface Journey {
  readonly core: Core
  readonly plan: Plan
  /** Which the plan was found by. */
  readonly path: string
  readonly logical: Logical
  readonly neighbours: Neighbours | undefined
  /** The caller's own. */
  readonly signal: AbortSignal | undefined
  /** For further tries of a Request with a body. */
  readonly spare: Spare | undefined
  /** Endpoints that failed after a redirect: a further try goes past them. */
  failedHops: Set<Endpoint> | undefined
}

/**
 * Where one fetch's requests go: the first to its attempt, redirects to wherever they lead. The call knows of the
 * first attempt only, which is therefore told how the last one ended.
 */
export class Path extends OwnDispatcher implements Sending, Pick<SendContext, 'remaining'> {
  /** Our own reason not to send, which fetch would hide behind its network error. */
  #refusal: unknown
  readonly #journey: Journey
  #first: Exchange
  /** The latest that is ours. */
  #current: Exchange
  /** A redirect led to somebody else. */
  #elsewhere: Elsewhere | undefined
  readonly #stalled: AbortController | undefined
  #origin = ''
  /** Not the context itself, which holds the call and its response: an unread one could not be collected. */
  readonly #deadline: number

  constructor(
    journey: Journey,
    attempt: Attempt,
    context: SendContext,
    receiver: Receiver<unknown>,
    stalled: AbortController | undefined,
  ) {
    super()
    const { core, plan, logical } = journey
    this.#journey = journey
    this.#stalled = stalled
    this.#deadline = plan.headers.deadline === undefined ? Infinity : core.clock.now() + context.remaining
    const abortable = journey.signal !== undefined
    const exchangeOf = (from: Attempt): Exchange =>
      exchangeFor(core, plan, from, logical, context, { stalled, abortable, onUnsent })
    const onUnsent = (error: Error): boolean => {
      const next = receiver.unsent(error)
      return next !== undefined && this.#goOn(exchangeOf(next))
    }
    this.#first = this.#current = exchangeOf(attempt)
  }

  /** Another attempt sends what this one could not. */
  #goOn(next: Exchange): boolean {
    const last = this.#current
    this.#first = this.#current = next
    try {
      checkScheme(this.#origin, next.attempt)
    } catch (error) {
      this.#refusal = error
      return false
    }
    last.handOver(next)
    return true
  }

  /** Who has answered with a redirect has had the request. */
  get sent(): boolean {
    return this.#first.sent
  }

  get remaining(): number {
    return this.#deadline - this.#journey.core.clock.now()
  }

  get queuedUntil(): number {
    return this.#current.queuedUntil
  }

  /** The attempt that produced the response, or undefined if a redirect left this service. */
  get answerer(): Attempt | undefined {
    return this.#elsewhere ? undefined : this.#current.attempt
  }

  /** Headers came. */
  answered(response: Response): void {
    if (!this.#first.dispatched) this.#mocked(response)
    this.#judge()
  }

  /** The error to go on with. */
  failed(error: unknown): unknown {
    if (!this.#first.dispatched) {
      this.#first.attempt.error = error
      this.#first.attempt.release()
    }
    this.#judge()
    // The body of a redirect that fetch did not follow, which nobody will read.
    if (this.#first.dispatched) (this.#elsewhere ?? this.#current).leave()
    return this.#refusal ?? this.#current.timedOut ?? error
  }

  abort(reason: Error, verdict: Verdict): void {
    const { attempt } = this.#current
    attempt.error ??= reason
    attempt.settle(verdict)
    this.#current.abort(reason)
    this.#elsewhere?.abort(reason)
    this.#judge()
  }

  abortLate(reason: Error, verdict: Verdict): void {
    this.#current.abortLate(reason, verdict)
    this.#elsewhere?.abort(reason)
  }

  protected send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(options.origin)
    this.#origin = origin
    try {
      if (this.#current.dispatched) return this.#redirected(origin, options, handler)
      checkScheme(origin, this.#current.attempt)
      this.#journey.spare?.sent(options.headers)
      return this.#current.dispatch(options, handler)
    } catch (error) {
      this.#refusal = error
      throw error
    }
  }

  #redirected(
    origin: string,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const { core, plan, path, logical, neighbours, failedHops } = this.#journey
    // fetch leaves the rest of a redirect's body unread, and would take its error for that of the next answer.
    const last = this.#elsewhere ?? this.#current
    last.leave()
    this.#elsewhere = undefined
    if (origin.slice(origin.indexOf('//') + 2) !== logical.host) {
      this.#elsewhere = new Elsewhere(handler)
      const to = this.#elsewhere.handler
      return neighbours?.(origin)?.dispatch(options, to) ?? dispatchElsewhere(options, to)
    }
    const attempt = acquireHop(core, plan, options, this.#first.attempt.number, failedHops, path)
    checkScheme(origin, attempt)
    const abortable = this.#journey.signal !== undefined
    const send = (): boolean => {
      this.#current = exchangeFor(core, plan, attempt, logical, this, { stalled: this.#stalled, abortable })
      return this.#current.dispatch(options, handler)
    }
    attempt.trail = this.#first.attempt.trail?.onward(attempt.instance)
    return attempt.trail ? attempt.trail.trace(attempt.number, send) : send()
  }

  /** Nobody came down to us, because fetch is a mock, which may answer with no more than its test needs. */
  #mocked(response: Response): void {
    try {
      this.#first.finish(response.status, isWhole(response) ? Object.fromEntries(response.headers) : {})
    } finally {
      this.#first.attempt.release()
    }
  }

  /** After a redirect, the call retries and hedges by how the last attempt of ours ended. */
  #judge(): void {
    const { attempt } = this.#current
    const known = this.#first.attempt
    if (attempt === known || attempt.verdict === undefined) return
    const { verdict, status, error, retryAfter, endpoint } = attempt
    Object.assign(known, { verdict: afterRedirect(verdict), status, error, retryAfter, trail: attempt.trail })
    if (verdict.outcome !== 'success') (this.#journey.failedHops ??= new Set()).add(endpoint)
  }
}
