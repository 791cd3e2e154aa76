import type { Dispatcher } from '../undici.ts'
import { addressRequest, type LogicalHost } from './address.ts'

/** Thrown to undici in the place of a request: it drops the request, and keeps the connection that it has made for it. */
const STOP_BEFORE_SENDING = new Error('the connection is all that was wanted')

/**
 * Opens `count` connections of an instance's pool, TLS included, over which nothing is sent. Resolves once each is open, or could not
 * be opened; never rejects.
 */
export async function warmUp(
  pool: Dispatcher,
  origin: string,
  logical: LogicalHost,
  count: number,
): Promise<void> {
  // As a call would: the name in TLS is part of a connection.
  const request = addressRequest(
    { origin, path: '/', method: 'GET', headers: {} },
    origin,
    logical,
    undefined,
  )
  const each = (): Promise<void> =>
    new Promise((resolve) => {
      try {
        pool.dispatch({ ...request }, new ConnectOnlyHandler(resolve))
      } catch {
        // What a pool cannot send at all. A closed one says so to the handler.
        resolve()
      }
    })
  await Promise.all(Array.from({ length: count }, each))
}

/** undici makes a connection and calls `onRequestStart`. It throws there: nothing is sent, and the connection stays in the pool. */
class ConnectOnlyHandler implements Dispatcher.DispatchHandler {
  readonly #onDone: () => void

  constructor(onDone: () => void) {
    this.#onDone = onDone
  }

  onRequestStart(): void {
    this.#onDone()
    throw STOP_BEFORE_SENDING
  }

  onResponseStart(): void {}

  onResponseData(): void {}

  onResponseEnd(): void {}

  onResponseError(): void {
    this.#onDone()
  }
}
