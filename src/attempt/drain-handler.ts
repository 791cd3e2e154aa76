import type { Dispatcher } from '../undici.ts'

/** In bytes. To read the rest of a body up to this size is cheaper than to open a new connection. */
export const DRAIN_LIMIT: number = 64 * 1024

/**
 * Reads the rest of a body that is not needed, so that its connection can be used again. Aborts the request if the
 * rest is longer than `DRAIN_LIMIT`.
 */
export class DrainHandler implements Dispatcher.DispatchHandler {
  #bytes = 0

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > DRAIN_LIMIT) controller.abort(new Error('this body is not read'))
  }
}
