import type { Deadlines } from '../deadlines.ts'
import { OutriggerError, timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { wrapHandler, type Dispatcher } from '../undici.ts'
import { watched } from '../verdict/callers-fault.ts'
import { callersLimitVerdict, isTimeLimit } from '../verdict/limit.ts'
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
 * One attempt on the wire: a handler between undici's pool and whoever asked, and the one place that says
 * when an attempt is over. Headers decide its outcome, the end of the body releases its load, and a body
 * cut short turns its success into a failure.
 */
export class Exchange extends Relay implements ConnectionListener {
  /** True once the request was written to a connection: before that, a retry is safe for any method. */
  sent = false
  dispatched = false
  /** Our own reason for ending it, which fetch would hide behind its network error. */
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
  /** What was asked for, until it has been sent. */
  #unsentRequest: { readonly options: Dispatcher.DispatchOptions; readonly handler: Handler } | undefined
  #handOverUnsent: ExchangeOptions['handOverUnsent']
  #body: unknown
  #controller: Controller | undefined
  #abort: ((reason: Error) => void) | undefined
  #aborted: Error | undefined
  /** The caller's time is up, with this; the request ends after the next look at its socket. */
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
    // Not the options themselves, which hold the call.
    this.#extra = options.extra
    this.#stalled = options.stalled
    this.#isAbortable = options.abortable === true
    this.#handOverUnsent = options.handOverUnsent
    this.#observer = options.observer
    this.#sender = new RequestSender(attempt, deadlines, policy, this, () => this.#connectTimedOut())
  }

  /** When it left the queue of its pool, by the clock: 0 if it was never in there, Infinity while it is. */
  get queuedUntil(): number {
    return this.#sender.queuedUntil
  }

  /** Sends a request to the attempt's own instance, whatever its origin says. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    this.dispatched = true
    this.#unsentRequest = { options, handler }
    this.#method = options.method
    this.#path = options.path
    const request = addressRequest(options, this.attempt.instance.url, this.#logical, this.#extra)
    request.body = watched(request.body) ?? null
    this.#body = request.body
    // Built-in fetch hands handlers of the old generation on Node 22 and 24.
    this.inner = typeof handler.onRequestStart === 'function' ? handler : wrapHandler(handler)
    return this.#sender.send(request)
  }

  /** Sends the same request as another attempt, whose exchange is `next`: nothing of it was sent here. */
  handOver(next: Exchange): void {
    const given = this.#unsentRequest
    this.inner = this.#unsentRequest = undefined
    if (!given) return
    const dispatch = (): boolean => next.dispatch(given.options, given.handler)
    const { trail } = next.attempt
    if (trail) trail.scope.runInAsyncScope(dispatch)
    else dispatch()
  }

  onConnectionAssigned(connection: Connection): void {
    this.#sender.onConnectionAssigned(connection)
  }

  /** Ends the attempt from our side: a deadline, a lost hedge, a closing client. */
  abort(reason: Error): void {
    this.#aborted = reason
    this.#stopTimers()
    if (this.#abort) this.#abort(reason)
    else if (this.#controller) this.#controller.abort(reason)
    // Not connected yet: undici will ask again when it is, and nobody waits for that.
    else this.attempt.release()
  }

  /**
   * Ends the attempt with `verdict` because a time limit of the caller's has passed, unless an answer turns out to have
   * been there in time: timers run before the event loop looks at its sockets.
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

  /** Drains the rest of a redirect's answer. The inner handler hears no more of it. */
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

  /** For a fetch that never came down to `dispatch`, because somebody replaced it by a mock. */
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
    // Nobody else tells who has dispatched it: for undici it has ended well.
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

  /** Whoever reads the response may always stop reading; undici says so on the controller. */
  #isAbortedHere(controller: Controller | null, error: Error): boolean {
    if (controller?.aborted === true || this.#aborted !== undefined) return true
    return this.handlerError !== undefined && error === this.handlerError
  }

  #failed(controller: Controller, error: Error, verdict: Verdict): void {
    const { attempt, sent } = this
    this.#stopTimers()
    attempt.error ??= error
    // The client has closed: fetch would say no more than that it failed.
    if (isA(error, OutriggerError)) this.timedOut = error
    if (attempt.outcome === undefined) attempt.settle(verdict)
    else if (verdict.outcome === 'failure') attempt.amend(verdict)
    attempt.release()
    attempt.trail?.bodyOver(true)
    if (!sent && verdict.again === 'free' && this.#handOverUnsent?.(error)) return
    this.inner?.onResponseError?.(controller, error)
  }

  /** The caller's signal ends the request. If it says that his time is up, the instance may be to blame. */
  #watchCallersAbort(controller: Controller): void {
    const { attempt } = this
    const abort = controller.abort.bind(controller)
    this.#abort = abort
    controller.abort = (reason: Error) => {
      if (this.#callerTimeout) return
      if (isTimeLimit(reason) && attempt.outcome === undefined) {
        const age = attempt.age() - Math.max(this.#sender.leftQueueAt - attempt.startedAt, 0)
        const spent = { call: age, attempt: age, late: 0, sent: true }
        this.abortAtLimit(reason, callersLimitVerdict(spent, attempt.endpoint.latency))
      } else abort(reason)
    }
  }
}

/** undici passes null for what failed before it had a controller. */
const NO_CONTROLLER = null as unknown as Controller
