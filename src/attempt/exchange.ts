import type { Deadlines, Expiring } from '../deadlines.ts'
import { OutriggerError, timeoutError } from '../errors.ts'
import type { Attempt } from '../fleet/attempt.ts'
import { wrapHandler, type Dispatcher } from '../undici.ts'
import { settleAnswer, type AnswerPolicy } from './answer.ts'
import { isCallersFault, watched } from './callers-fault.ts'
import { classify } from './classify.ts'
import { Drain } from './drain.ts'
import { namesHost, plainHeaders, withExtra, withHost, type PlainHeaders } from './headers.ts'
import { IdleWatch } from './idle-watch.ts'

type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** What a plan says about one attempt on the wire. */
export interface ExchangePolicy extends AnswerPolicy {
  readonly timeout: {
    /** Milliseconds until the request must be on a connection; Infinity for none. */
    readonly connect: number
    /** Milliseconds between two pieces of the body; Infinity for none. */
    readonly idle: number
  }
}

/** Who has to know what was asked, and that it was answered. */
export interface AnswerObserver {
  answered(method: string, path: string, status: number): void
}

/** Whom the caller asked for. */
export interface LogicalHost {
  /** `host[:port]` as the caller wrote it: what the server sees. */
  readonly host: string
  /**
   * What TLS asks for and its certificate must say; empty for an IP address, which no server is asked for by name.
   * undici would derive it from `host` again for each request (issue 7).
   */
  readonly servername: string
}

/**
 * One attempt on the wire: a handler between undici's pool and whoever asked, and the one place that says
 * when an attempt is over. Headers decide its outcome, the end of the body releases its load, and a body
 * cut short turns its success into a failure.
 */
export class Exchange implements Dispatcher.DispatchHandler, Expiring {
  /** True once the request was written to a connection: before that, a retry is safe for any method. */
  sent = false
  dispatched = false
  /** Our own reason for ending it, which fetch would hide behind its network error. */
  timedOut: Error | undefined = undefined
  readonly attempt: Attempt
  /** By when the request must be on a connection. */
  deadline: number = Infinity
  older: Expiring['older'] = undefined
  newer: Expiring['newer'] = undefined
  waiting: Expiring['waiting'] = undefined
  readonly #deadlines: Deadlines
  readonly #logical: LogicalHost
  readonly #policy: ExchangePolicy
  readonly #extra: Readonly<Record<string, string>> | undefined
  readonly #stalled: AbortController | undefined
  readonly #observer: AnswerObserver | undefined
  #method = 'GET'
  #path = ''
  #body: Dispatcher.DispatchOptions['body']
  #inner: Dispatcher.DispatchHandler | undefined
  #controller: Controller | undefined
  #aborted: Error | undefined
  /** What the handler itself threw: undici ends the request with it. */
  #thrown: unknown
  #idleWatch: IdleWatch | undefined

  /**
   * `extra` are request headers to add, in lower case; `stalled` is aborted to end a body that stalls, instead of
   * the undici request; `observer` hears of each answer.
   */
  constructor(
    attempt: Attempt,
    deadlines: Deadlines,
    logical: LogicalHost,
    policy: ExchangePolicy,
    extra?: Readonly<Record<string, string>>,
    stalled?: AbortController,
    observer?: AnswerObserver,
  ) {
    this.attempt = attempt
    this.#deadlines = deadlines
    this.#logical = logical
    this.#policy = policy
    this.#extra = extra
    this.#stalled = stalled
    this.#observer = observer
  }

  /** Somebody's request as it goes to the attempt's instance: with our headers too, and the logical Host. */
  address<Options extends Pick<Dispatcher.DispatchOptions, 'headers'>>(
    options: Options,
  ): Options & { origin: string; headers: PlainHeaders; servername: string | undefined } {
    const given = plainHeaders(options.headers)
    // A Host of the caller's own is also whose certificate he expects.
    const own = namesHost(given)
    const hosted = own ? given : withHost(given, this.#logical.host)
    const headers = this.#extra ? withExtra(hosted, this.#extra) : hosted
    const servername = own ? undefined : this.#logical.servername
    return { ...options, origin: this.attempt.instance.url, headers, servername }
  }

  /** Sends what is addressed already to the attempt's own pool. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.dispatched = true
    const { body, method, path } = options
    this.#method = method
    this.#path = path
    this.#body = watched(body)
    // Built-in fetch hands handlers of the old generation on Node 22 and 24.
    this.#inner = typeof handler.onRequestStart === 'function' ? handler : wrapHandler(handler)
    const more = this.#dispatch(this.#body === body ? options : { ...options, body: this.#body ?? null })
    const { connect } = this.#policy.timeout
    if (!this.sent && connect < Infinity && this.attempt.outcome === undefined) {
      this.deadline = this.#deadlines.clock.now() + connect
      this.#deadlines.add(this, connect)
    }
    return more
  }

  #dispatch(options: Dispatcher.DispatchOptions): boolean {
    try {
      return this.attempt.endpoint.pool.dispatch(options, this)
    } catch (error) {
      // A transport of the user's own that gives no dispatcher: nothing was sent, and nothing is held.
      this.attempt.error = error
      this.attempt.release()
      throw error
    }
  }

  /** Ends the attempt from our side: a deadline, a lost hedge, a closing client. */
  abort(reason: Error): void {
    this.#aborted = reason
    this.#disarm()
    if (this.#controller) this.#controller.abort(reason)
    // Not connected yet: undici will ask again when it is, and nobody waits for that.
    else this.attempt.release()
  }

  /** Ends what is left of an answer that somebody has gone on from, who hears no more of it. */
  leave(): void {
    this.#disarm()
    this.#inner = new Drain()
    this.attempt.release()
    this.#controller?.resume()
  }

  onRequestStart(controller: Controller, context: unknown): void {
    if (this.#aborted) {
      controller.abort(this.#aborted)
      return
    }
    this.waiting?.delete(this)
    this.sent = true
    this.#controller = controller
    this.#inner?.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>): void {
    this.attempt.status = args[1]
    this.attempt.settle('success')
    args[3].once('close', () => this.attempt.release())
    this.#inner?.onRequestUpgrade?.(...args)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, message?: string): void {
    if (status >= 200) {
      this.#answered(status, headers)
      if (this.#policy.timeout.idle < Infinity) this.#watchBody(controller)
    }
    try {
      this.#inner?.onResponseStart?.(controller, status, headers, message)
    } catch (error) {
      this.#thrown = error
      throw error
    }
  }

  /** For a fetch that never came down to `dispatch`, because somebody replaced it by a mock. */
  finish(status: number, headers: Headers): void {
    this.#answered(status, headers)
    this.attempt.release()
  }

  onResponseStarted(): void {
    this.#inner?.onResponseStarted?.()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#idleWatch?.data()
    try {
      this.#inner?.onResponseData?.(controller, chunk)
    } catch (error) {
      this.#thrown = error
      throw error
    }
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>[1],
  ): void {
    this.#disarm()
    this.attempt.release()
    this.#inner?.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#failed(controller, error)
    this.#inner?.onResponseError?.(controller, error)
  }

  onBodySent(chunk: Buffer): void {
    this.#inner?.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#inner?.onRequestSent?.()
  }

  #disarm(): void {
    this.waiting?.delete(this)
    this.#idleWatch?.stop()
  }

  #answered(status: number, headers: Headers): void {
    this.#observer?.answered(this.#method, this.#path, status)
    settleAnswer(this.attempt, { status, headers }, this.#policy)
  }

  /** There is no connection. */
  expire(): void {
    const { attempt } = this
    const { connect } = this.#policy.timeout
    const error = timeoutError(`no connection to ${attempt.instance.url} within ${connect} ms`)
    this.timedOut = error
    this.onResponseError(NO_CONTROLLER, error)
    this.#inner = undefined
    this.#aborted = error
  }

  #watchBody(controller: Controller): void {
    const { idle } = this.#policy.timeout
    this.#idleWatch = new IdleWatch(this.#deadlines.clock, idle, controller, () => {
      this.attempt.amend()
      const error = timeoutError(`no data from ${this.attempt.instance.url} for ${idle} ms`)
      this.timedOut = error
      if (this.#stalled) this.#stalled.abort(error)
      else controller.abort(error)
    })
  }

  #failed(controller: Controller | undefined, error: Error): void {
    const { attempt } = this
    this.#disarm()
    // Whoever reads the response may always stop reading; undici says so on the controller.
    const ours =
      controller?.aborted === true ||
      this.#aborted !== undefined ||
      (this.#thrown !== undefined && error === this.#thrown) ||
      isCallersFault(error, this.#body)
    attempt.error ??= error
    if (attempt.outcome === undefined) {
      const outcome = ours ? 'ignored' : classify({ error }, this.#policy.classify)
      attempt.settle(outcome, attempt.age(), !ours)
    } else if (!ours) attempt.amend()
    attempt.release()
  }
}

/** undici passes null for what failed before it had a controller. */
const NO_CONTROLLER = null as unknown as Controller

/** Refuses what a plain-text connection must not carry. */
export function checkScheme(origin: string, attempt: Attempt): void {
  if (origin.startsWith('https:') && !attempt.instance.url.startsWith('https:')) {
    attempt.release()
    throw new OutriggerError(
      'ERR_OUTRIGGER_DENIED',
      `${origin} asks for TLS, but its instance ${attempt.instance.url} speaks plain HTTP; call http:// or register https:// urls`,
    )
  }
}
