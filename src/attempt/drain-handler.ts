import type { Dispatcher } from '../undici.ts'

/** Reading a few kilobytes to their end is cheaper than a new connection. */
export const DRAIN_LIMIT: number = 64 * 1024

/** The end of an answer that nobody wants: what is left of it is read if it is little, and cut off otherwise. */
export class DrainHandler implements Dispatcher.DispatchHandler {
  #bytes = 0

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > DRAIN_LIMIT) controller.abort(new Error('this body is not read'))
  }
}
