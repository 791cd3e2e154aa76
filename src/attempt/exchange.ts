import type { Deadlines } from '../deadlines.ts'
import { OutriggerError, timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { wrapHandler, type Dispatcher } from '../undici.ts'
import { watched } from '../verdict/callers-fault.ts'
import { callersTimeLimitVerdict, isTimeLimit } from '../verdict/time-limit.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import { addressRequest, type LogicalHost } from './address.ts'
import type { Connection, ConnectionListener } from './connection.ts'
import { RequestSender } from './request-sender.ts'
import { DrainHandler } from './drain-handler.ts'
import type { AnswerObserver, ExchangeOptions, ExchangePolicy } from './exchange-options.ts'
import { IdleWatch } from './idle-watch.ts'
import { Relay } from './relay.ts'
import { judgeFault, settleAnswer } from './judge.ts'
import { isA } from '../hooks/thrown.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Handler['onResponseStart']>>[2]

/**
 * One attempt on the wire: the handler between undici's pool and the handler of a door. Only this class decides when
 * an attempt is over. The response headers decide its outcome, the end of the body releases its load, and a truncated
 * body turns its success into a failure.
 */
export class Exchange extends Relay implements ConnectionListener {
  /** True once the request is written to a connection. Before that, a request of any method may be sent again. */
  sent = false
  dispatched = false
  /** The error with which this client has ended the request. fetch would hide it behind a network error. */
  timedOut: Error | undefined = undefined
  readonly attempt: Attempt
  readonly #deadlines: Deadlines
  readonly #logical: LogicalHost
  readonly #policy: ExchangePolicy
  readonly #extra: ExchangeOptions['extra']
  readonly #stalled: AbortController | undefined
  readonly #isAbortable: boolean
  readonly #observer: AnswerObserver | undefined
  #method = 'GET'
  #path = ''
  readonly #sender: RequestSender
  /** The arguments of `dispatch`, until the request is sent or handed over. */
  #unsentRequest: { readonly options: Dispatcher.DispatchOptions; readonly handler: Handler } | undefined
  #handOverUnsent: ExchangeOptions['handOverUnsent']
  #body: unknown
  #controller: Controller | undefined
  #abort: ((reason: Error) => void) | undefined
  #aborted: Error | undefined
  /** Set when a time limit has passed: the error for the handler, until the event loop has polled and `abort` runs. */
  #callerTimeout: Error | undefined
  #idleWatch: IdleWatch | undefined

  constructor(
    attempt: Attempt,
    deadlines: Deadlines,
    logical: LogicalHost,
    policy: ExchangePolicy,
    options: ExchangeOptions,
  ) {
    super(undefined)
    this.attempt = attempt
    this.#deadlines = deadlines
    this.#logical = logical
    this.#policy = policy
    // `options` itself is not stored: it refers to the call, which could then not be garbage-collected.
    this.#extra = options.extra
    this.#stalled = options.stalled
    this.#isAbortable = options.abortable === true
    this.#handOverUnsent = options.handOverUnsent
    this.#observer = options.observer
    this.#sender = new RequestSender(attempt, deadlines, policy, this, () => this.#connectTimedOut())
  }

  /**
   * The clock's time, in milliseconds, at which the request left the queue of its pool: 0 if it never was in the
   * queue, Infinity while it is.
   */
  get queuedUntil(): number {
    return this.#sender.queuedUntil
  }

  /** Sends the request to the attempt's instance. The origin in `options` is not used. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    this.dispatched = true
    this.#unsentRequest = { options, handler }
    this.#method = options.method
    this.#path = options.path
    const request = addressRequest(options, this.attempt.instance.url, this.#logical, this.#extra)
    request.body = watched(request.body) ?? null
    this.#body = request.body
    // On Node 22 and 24, the built-in fetch passes handlers with the methods of undici 6.
    this.inner = typeof handler.onRequestStart === 'function' ? handler : wrapHandler(handler)
    return this.#sender.send(request)
  }

  /** Sends the same, unsent request with the attempt of `next`. If this throws, this exchange keeps its handler. */
  handOver(next: Exchange): void {
    const unsent = this.#unsentRequest
    if (unsent) {
      const dispatch = (): boolean => next.dispatch(unsent.options, unsent.handler)
      const { trail } = next.attempt
      if (trail) trail.scope.runInAsyncScope(dispatch)
      else dispatch()
    }
    this.inner = this.#unsentRequest = undefined
  }

  onConnectionAssigned(connection: Connection): void {
    this.#sender.onConnectionAssigned(connection)
  }

  /** Ends the attempt from this client's side: at a timeout, after another hedge has won, or in `close()`. */
  abort(reason: Error): void {
    this.#aborted = reason
    this.#stopTimers()
    if (this.#abort) this.#abort(reason)
    else if (this.#controller) this.#controller.abort(reason)
    // There is no connection yet. When there is one, `onRequestStart` aborts the request. Until then it is no load.
    else this.attempt.release()
  }

  /**
   * Ends the attempt with `verdict` because a time limit has passed, unless a response has arrived in time. Timers
   * run before the event loop polls its sockets, so the response may not have been read yet. If the clock can wait
   * for that, the attempt ends in a later callback, and keeps the verdict it has by then.
   */
  abortAtLimit(reason: Error, verdict: Verdict): void {
    if (this.#callerTimeout) return
    this.#callerTimeout = reason
    const end = (): void => {
      this.attempt.error ??= reason
      this.attempt.settle(verdict)
      this.abort(reason)
    }
    const { clock } = this.#deadlines
    if (clock.poll && this.#controller && this.attempt.outcome === undefined) clock.poll(end)
    else end()
  }

  /** Discards the rest of a redirect's response. The handler is not called any more. */
  dropRest(): void {
    if (this.#callerTimeout) return
    this.#stopTimers()
    this.inner = new DrainHandler()
    this.attempt.trail?.left()
    this.attempt.release()
    this.#controller?.resume()
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    if (this.#aborted) {
      controller.abort(this.#aborted)
      return
    }
    this.sent = true
    this.#sender.sent()
    const { trail } = this.attempt
    if (trail) trail.connect = this.attempt.age()
    this.#controller = controller
    this.#unsentRequest = this.#handOverUnsent = undefined
    if (this.#isAbortable) this.#watchCallersAbort(controller)
    this.inner?.onRequestStart?.(controller, context)
  }

  override onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.attempt.status = args[1]
    this.attempt.settle(VERDICTS.good)
    args[3].once('close', () => this.attempt.release())
    this.inner?.onRequestUpgrade?.(...args)
  }

  override onResponseStart(controller: Controller, status: number, headers: Headers, message?: string): void {
    if (status >= 200) {
      this.#sender.answered()
      this.attempt.trail?.bodyBegan()
      this.#answered(status, headers)
      if (this.#policy.timeout.idle < Infinity) this.#watchBody(controller)
    }
    if (!this.#callerTimeout) super.onResponseStart(controller, status, headers, message)
  }

  /** Settles an attempt whose fetch never called `dispatch`, because a mock has replaced the platform's fetch. */
  settleMocked(status: number, headers: Headers): void {
    this.#answered(status, headers)
    this.attempt.release()
  }

  override onResponseData(controller: Controller, chunk: Buffer): void {
    this.#idleWatch?.data()
    const { trail } = this.attempt
    if (trail) trail.bytes += chunk.length
    if (!this.#callerTimeout) super.onResponseData(controller, chunk)
  }

  override onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    this.#stopTimers()
    this.attempt.release()
    this.attempt.trail?.bodyOver(false)
    // For undici the request has succeeded, so undici reports no error.
    if (this.#callerTimeout) this.inner?.onResponseError?.(controller, this.#callerTimeout)
    else this.inner?.onResponseEnd?.(controller, trailers)
  }

  override onResponseError(controller: Controller, error: Error): void {
    const { attempt, sent } = this
    const isAnswered = attempt.outcome !== undefined
    const { isReused } = this.#sender
    const verdict = this.#isAbortedHere(controller, error)
      ? VERDICTS.abandoned
      : judgeFault(attempt, { error, sent, isAnswered, isReused, body: this.#body }, this.#policy)
    if (!isAnswered && sent && this.#sender.mayResend(verdict)) {
      this.sent = false
      this.#controller = this.#abort = undefined
      this.#sender.resend((reason) => this.onResponseError(NO_CONTROLLER, reason))
    } else this.#failed(controller, error, verdict)
  }

  #stopTimers(): void {
    this.#sender.stop()
    this.#idleWatch?.stop()
  }

  #answered(status: number, headers: Headers): void {
    this.#observer?.answered(this.#method, this.#path, status)
    settleAnswer(this.attempt, { status, headers }, this.#policy)
  }

  #watchBody(controller: Controller): void {
    const { idle } = this.#policy.timeout
    this.#idleWatch = new IdleWatch(this.#deadlines.clock, idle, controller, () => {
      this.attempt.amend(VERDICTS.truncated)
      const error = timeoutError(`no data from ${this.attempt.instance.url} for ${idle} ms (timeout.idle)`)
      this.timedOut = error
      if (this.#stalled) this.#stalled.abort(error)
      else controller.abort(error)
    })
  }

  #connectTimedOut(): void {
    const { url } = this.attempt.instance
    const error = timeoutError(
      `no connection to ${url} within ${this.#policy.timeout.connect} ms (timeout.connect)`,
    )
    this.timedOut = error
    this.#aborted = error
    this.#failed(NO_CONTROLLER, error, VERDICTS.unreachable)
    this.inner = undefined
  }

  /**
   * True if this client, its handler or the reader of the response has ended the request. undici sets
   * `controller.aborted` when a reader stops.
   */
  #isAbortedHere(controller: Controller | null, error: Error): boolean {
    if (controller?.aborted === true || this.#aborted !== undefined) return true
    return this.handlerError !== undefined && error === this.handlerError
  }

  #failed(controller: Controller, error: Error, verdict: Verdict): void {
    const { attempt, sent } = this
    this.#stopTimers()
    attempt.error ??= error
    // The client was closed. fetch would report a general network error in its place.
    if (isA(error, OutriggerError)) this.timedOut ??= error
    if (attempt.outcome === undefined) attempt.settle(verdict)
    else if (verdict.outcome === 'failure') attempt.amend(verdict)
    attempt.release()
    attempt.trail?.bodyOver(true)
    if (!sent && verdict.again === 'free' && this.#handOverUnsent?.(error)) return
    this.inner?.onResponseError?.(controller, error)
  }

  /**
   * Replaces `controller.abort`, which is called for the caller's signal. If the signal reports a timeout and there
   * is no response yet, the instance may be responsible for it.
   */
  #watchCallersAbort(controller: Controller): void {
    const { attempt } = this
    const abort = controller.abort.bind(controller)
    this.#abort = abort
    controller.abort = (reason: Error) => {
      if (this.#callerTimeout) return
      if (isTimeLimit(reason) && attempt.outcome === undefined) {
        const age = attempt.age() - Math.max(this.#sender.leftQueueAt - attempt.startedAt, 0)
        const atLimit = { callAge: age, tryAge: age, lateBy: 0, sent: true }
        this.abortAtLimit(reason, callersTimeLimitVerdict(atLimit, attempt.endpoint.latency))
      } else abort(reason)
    }
  }
}

/** undici passes null for a request that failed before it had a controller. */
const NO_CONTROLLER = null as unknown as Controller
