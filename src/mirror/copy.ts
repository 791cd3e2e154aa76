import { SMALL } from '../attempt/discard-body.ts'
import { startTimer, type Clock } from '../clock.ts'
import { timeoutError } from '../errors.ts'
import type { Dispatcher } from '../undici.ts'

type Controller = Dispatcher.DispatchController

/** How a copy ended. */
export interface CopyEnd {
  /** Of its answer; undefined if there was none. */
  readonly status: number | undefined
  /** Why there was no answer, or no end of it. */
  readonly error: unknown
  /** Milliseconds until its answer began, or there could be none. */
  readonly ms: number
}

/** No whole answer, or one that says that the server failed. */
export function isFailure({ status = 500, error }: CopyEnd): boolean {
  return error !== undefined || status >= 500
}

/**
 * One copy on the wire. Its answer is read if it is short, so that the connection can be used again, and cut off otherwise. It is
 * over once undici has let go of it: what is stopped before it has a connection stays in its pool until there is one, or none.
 */
export class Copy implements Dispatcher.DispatchHandler {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #cancelTimeout: () => void
  readonly #onEnd: (end: CopyEnd) => void
  #controller: Controller | undefined
  #stopped: Error | undefined
  #status: number | undefined
  #answeredAt = 0
  #bytes = 0
  #isOver = false

  constructor(clock: Clock, timeout: number, onEnd: (end: CopyEnd) => void) {
    this.#clock = clock
    this.#onEnd = onEnd
    this.#startedAt = clock.now()
    this.#cancelTimeout = startTimer(clock, timeout, () => {
      this.#stop(timeoutError(`the copy was not answered to its end within ${timeout} ms`))
    })
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#stopped) controller.abort(this.#stopped)
  }

  onResponseStart(_controller: Controller, status: number): void {
    if (status < 200 || this.#status !== undefined) return
    this.#status = status
    this.#answeredAt = this.#clock.now()
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= SMALL) return
    this.end(undefined)
    this.#stop(new Error('nobody reads the answer to a copy'))
  }

  onResponseEnd(): void {
    this.end(undefined)
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.end(error)
  }

  /** Nothing more will be heard of it. */
  end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimeout()
    const status = this.#status
    const until = status === undefined ? this.#clock.now() : this.#answeredAt
    this.#onEnd({ status, error, ms: until - this.#startedAt })
  }

  #stop(reason: Error): void {
    this.#stopped = reason
    this.#controller?.abort(reason)
  }
}
