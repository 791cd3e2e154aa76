import type { Connection, ConnectionListener } from '../attempt/connection.ts'
import { DRAIN_LIMIT } from '../attempt/drain-handler.ts'
import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { Dispatcher } from '../undici.ts'

type Controller = Dispatcher.DispatchController

/** How a copy ended. */
export interface CopyEnd {
  /** The HTTP status of the response; undefined if there was none. */
  readonly status: number | undefined
  /** Why there was no response, or why it was not complete. */
  readonly error: unknown
  /** Milliseconds until the response headers, or until the copy failed. */
  readonly ms: number
}

/** True if there was no complete response, or its status was 500 or above. */
export function isFailure({ status = 500, error }: CopyEnd): boolean {
  return error !== undefined || status >= 500
}

/**
 * A copy of a request that is being sent. A short response is read to its end, so that the connection can be reused. A
 * longer one is aborted. A copy that is stopped while its connection is being established ends this connection, because undici
 * would keep both. A copy that waits for a busy connection ends when it gets the connection: the copies before it have the
 * same timeout.
 */
export class Copy implements Dispatcher.DispatchHandler, ConnectionListener {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #cancelTimeout: () => void
  readonly #onEnd: (end: CopyEnd) => void
  #connection: Connection | undefined
  #controller: Controller | undefined
  #stopReason: Error | undefined
  #status: number | undefined
  #answeredAt = 0
  #bytes = 0
  #isOver = false

  constructor(clock: Clock, timeout: number, onEnd: (end: CopyEnd) => void) {
    this.#clock = clock
    this.#onEnd = onEnd
    this.#startedAt = clock.now()
    this.#cancelTimeout = startTimer(clock, timeout, () => {
      this.#stop(timeoutError(`the response to the copy was not complete within ${timeout} ms`))
    })
  }

  onConnectionAssigned(connection: Connection): void {
    this.#connection = connection
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#stopReason) controller.abort(this.#stopReason)
  }

  onResponseStart(_controller: Controller, status: number): void {
    if (status < 200 || this.#status !== undefined) return
    this.#status = status
    this.#answeredAt = this.#clock.now()
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= DRAIN_LIMIT) return
    this.end(undefined)
    this.#stop(new Error('the response to a copy is not read'))
  }

  onResponseEnd(): void {
    this.end(undefined)
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.end(error)
  }

  /** Reports the end of the copy. Later calls do nothing. */
  end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimeout()
    const status = this.#status
    const until = status === undefined ? this.#clock.now() : this.#answeredAt
    this.#onEnd({ status, error, ms: until - this.#startedAt })
  }

  #stop(reason: Error): void {
    this.#stopReason = reason
    if (this.#controller) this.#controller.abort(reason)
    // The other copies that wait for this connection fail with the same reason.
    else this.#connection?.pendingSocket.destroy(reason)
  }
}
