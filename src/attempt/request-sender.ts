import type { Deadlines } from '../deadlines.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'
import { isIdempotent, RESENDS_PER_ATTEMPT, mayRepeat } from '../verdict/again.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import { ConnectWatch, type ConnectWaiter } from './connect-watch.ts'
import { Connections, isReachable, type Connection } from './connection.ts'

/** The part of a plan that decides how a request is sent. */
export interface SendPolicy {
  readonly idempotent: boolean | undefined
  readonly retry: unknown
  readonly timeout: {
    /** Milliseconds within which a connection must be established; Infinity for no limit. */
    readonly connect: number
  }
}

/**
 * Sends the request of one attempt through the pool of its endpoint, and again on another connection if the first was
 * dead.
 */
export class RequestSender implements ConnectWaiter {
  /**
   * The clock's time, in milliseconds, at which the request left the queue of its pool; 0 if it never was in the
   * queue.
   */
  leftQueueAt = 0
  readonly #attempt: Attempt
  readonly #deadlines: Deadlines
  readonly #policy: SendPolicy
  readonly #handler: Dispatcher.DispatchHandler & { readonly sent: boolean }
  readonly #onConnectTimeout: () => void
  #request: Dispatcher.DispatchOptions | undefined
  /** The pool that the request was sent to. The endpoint may have a newer one. */
  #pool: Dispatcher | undefined
  #connection: Connection | undefined
  #connectWatch: ConnectWatch | undefined
  #isQueued = false
  #resends = 0

  /**
   * The pool calls `handler`. `onConnectTimeout` is called when no connection was established in time: never
   * synchronously, and not after `stop()`.
   */
  constructor(
    attempt: Attempt,
    deadlines: Deadlines,
    policy: SendPolicy,
    handler: Dispatcher.DispatchHandler & { readonly sent: boolean },
    onConnectTimeout: () => void,
  ) {
    this.#attempt = attempt
    this.#deadlines = deadlines
    this.#policy = policy
    this.#handler = handler
    this.#onConnectTimeout = onConnectTimeout
  }

  get hasConnection(): boolean {
    const connection = this.#connection
    if (connection) return connection.established
    return this.#pool !== undefined && isReachable(this.#pool)
  }

  /** True if an earlier response has come over the same connection. */
  get isReused(): boolean {
    return this.#connection?.used === true
  }

  /**
   * The clock's time, in milliseconds, at which the request left the queue of its pool: 0 if it never was in the
   * queue, Infinity while it is.
   */
  get queuedUntil(): number {
    return this.#isQueued && this.hasConnection ? Infinity : this.leftQueueAt
  }

  send(request: Dispatcher.DispatchOptions): boolean {
    this.#request = request
    let mayDispatchMore: boolean
    try {
      const { endpoint, trail } = this.#attempt
      const pool = endpoint.getPool()
      this.#pool = pool
      mayDispatchMore = trail
        ? trail.dispatch(() => pool.dispatch(request, this.#handler))
        : pool.dispatch(request, this.#handler)
    } catch (error) {
      // For example, a user function `transport` has thrown or returned no dispatcher. Nothing was sent.
      this.#attempt.error = error
      this.#attempt.settle(VERDICTS.mistaken)
      this.#attempt.release()
      throw error
    }
    if (this.#handler.sent || this.#attempt.outcome !== undefined) return mayDispatchMore
    this.#isQueued = this.#connection === undefined
    if (this.#connection?.established !== true) this.#watchConnect()
    return mayDispatchMore
  }

  /** A connection of the pool gets the request. */
  onConnectionAssigned(connection: Connection): void {
    this.#connection = connection
    if (!this.#isQueued) return
    this.#leaveQueue()
    if (!connection.established) this.#watchConnect()
  }

  /** The request is written to a connection. */
  sent(): void {
    this.stop()
    if (this.#isQueued) this.#leaveQueue()
  }

  answered(): void {
    if (this.#connection) this.#connection.used = true
    this.#request = undefined
  }

  connectTimedOut(): void {
    const pool = this.#pool
    if (pool instanceof Connections) pool.isReachable = false
    this.#onConnectTimeout()
  }

  stop(): void {
    this.#connectWatch?.stop()
  }

  /**
   * True if the request can be sent to the same instance again: it has no body, and either was not processed or may
   * be repeated. An Idempotency-Key is not looked for. A request with this header nearly always has a body, and if it
   * has none, the call retries it.
   */
  mayResend(verdict: Verdict): boolean {
    const { idempotent, retry } = this.#policy
    const request = this.#request
    if (verdict.again !== 'free' || !request || (request.body ?? null) !== null) return false
    if (this.#resends >= RESENDS_PER_ATTEMPT || (retry === undefined && verdict.processed !== 'no'))
      return false
    return mayRepeat(verdict, idempotent ?? isIdempotent(request.method, false))
  }

  /**
   * Sends the request again in a microtask, on a new connection: undici removes the broken connection after it has
   * called the handler. Calls `onError` if it cannot be sent.
   */
  resend(onError: (error: Error) => void): void {
    this.#resends++
    this.#connection = undefined
    queueMicrotask(() => {
      try {
        if (this.#request) this.send(this.#request)
      } catch (error) {
        onError(error as Error)
      }
    })
  }

  #leaveQueue(): void {
    this.#isQueued = false
    this.leftQueueAt = this.#deadlines.clock.now()
  }

  #watchConnect(): void {
    const { connect } = this.#policy.timeout
    if (connect === Infinity) return
    this.#connectWatch ??= new ConnectWatch(this.#deadlines, connect, this)
    this.#connectWatch.start()
  }
}
