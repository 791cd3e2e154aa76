import type { Dispatcher } from '../undici.ts'

/** Reading a few kilobytes to their end is cheaper than a new connection. */
export const SMALL: number = 64 * 1024

/** The end of an answer that nobody wants: what is left of it is read if it is little, and cut off otherwise. */
export class DiscardBody implements Dispatcher.DispatchHandler {
  #bytes = 0

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes > SMALL) controller.abort(new Error('nobody reads this body'))
  }
}
