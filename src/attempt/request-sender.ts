import type { Deadlines } from '../deadlines.ts'
import type { Attempt } from '../fleet/attempt.ts'
import type { Dispatcher } from '../undici.ts'
import { isIdempotent, RESENDS_PER_ATTEMPT, mayRepeat } from '../verdict/again.ts'
import { VERDICTS, type Verdict } from '../verdict/verdict.ts'
import { ConnectWatch, type ConnectWaiter } from './connect-watch.ts'
import { Connections, isReachable, type Connection } from './connection.ts'

/** What a plan says about sending. */
export interface SendPolicy {
  readonly idempotent: boolean | undefined
  readonly retry: unknown
  readonly timeout: {
    /** Milliseconds until a connection must be established; Infinity for none. */
    readonly connect: number
  }
}

/** The way of a request through its pool until it is on a connection, and on another one if that was dead. */
export class RequestSender implements ConnectWaiter {
  /** When it left the queue of its pool, by the clock; 0 if it was not in there. */
  leftQueueAt = 0
  readonly #attempt: Attempt
  readonly #deadlines: Deadlines
  readonly #policy: SendPolicy
  readonly #handler: Dispatcher.DispatchHandler & { readonly sent: boolean }
  readonly #onConnectTimeout: () => void
  #request: Dispatcher.DispatchOptions | undefined
  /** The one that it was sent on: the endpoint may have another one by now. */
  #pool: Dispatcher | undefined
  #connection: Connection | undefined
  #connectWatch: ConnectWatch | undefined
  #isQueued = false
  #resends = 0

  /** `handler` is the pool's; `onNoConnection` is called when none was established in time. */
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

  /** Whether its connection has already brought an answer. */
  get isReused(): boolean {
    return this.#connection?.used === true
  }

  /** When it left the queue of its pool, by the clock: 0 if it was never in there, Infinity while it is. */
  get queuedUntil(): number {
    return this.#isQueued && this.hasConnection ? Infinity : this.leftQueueAt
  }

  send(request: Dispatcher.DispatchOptions): boolean {
    this.#request = request
    let more: boolean
    try {
      const { endpoint, trail } = this.#attempt
      const pool = endpoint.getPool()
      this.#pool = pool
      more = trail
        ? trail.dispatch(() => pool.dispatch(request, this.#handler))
        : pool.dispatch(request, this.#handler)
    } catch (error) {
      // A transport of the user's own that gives no dispatcher: nothing was sent, and nothing is held.
      this.#attempt.error = error
      this.#attempt.settle(VERDICTS.mistaken)
      this.#attempt.release()
      throw error
    }
    if (this.#handler.sent || this.#attempt.outcome !== undefined) return more
    this.#isQueued = this.#connection === undefined
    if (this.#connection?.established !== true) this.#watchConnect()
    return more
  }

  /** A connection of the pool has taken it. */
  onConnectionAssigned(connection: Connection): void {
    this.#connection = connection
    if (!this.#isQueued) return
    this.#leaveQueue()
    if (!connection.established) this.#watchConnect()
  }

  /** It was written to a connection. */
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
   * Whether a request without a body, which was not processed or may be repeated, can go to the same instance again. An Idempotency-Key is not
   * looked for: who sends one nearly always sends a body, and without one the call itself sends it again.
   */
  mayResend(verdict: Verdict): boolean {
    const { idempotent, retry } = this.#policy
    const request = this.#request
    if (verdict.again !== 'free' || !request || (request.body ?? null) !== null) return false
    if (this.#resends >= RESENDS_PER_ATTEMPT || (retry === undefined && verdict.processed !== 'no'))
      return false
    return mayRepeat(verdict, idempotent ?? isIdempotent(request.method, false))
  }

  /** Sends it on a fresh connection: undici gives up the broken one after it has told us. */
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
