import type { Dispatcher } from '../undici.ts'
import { addressRequest, type LogicalHost } from './address.ts'

/** `onRequestStart` throws it. undici then drops the request, and keeps the connection that it has made for it. */
const STOP_BEFORE_SENDING = new Error('only the connection is needed')

/**
 * Opens `count` connections to an instance, with their TLS handshakes, and sends nothing over them. Resolves when
 * each is open or has failed. Never rejects.
 */
export async function warmUp(
  pool: Dispatcher,
  origin: string,
  logical: LogicalHost,
  count: number,
): Promise<void> {
  // A call has the same TLS server name. undici uses a connection only for requests with its server name.
  const request = addressRequest(
    { origin, path: '/', method: 'GET', headers: {} },
    origin,
    logical,
    undefined,
  )
  const openOne = (): Promise<void> =>
    new Promise((resolve) => {
      try {
        pool.dispatch({ ...request }, new ConnectOnlyHandler(resolve))
      } catch {
        // The pool does not accept the request. A closed pool calls `onResponseError` instead.
        resolve()
      }
    })
  await Promise.all(Array.from({ length: count }, openOne))
}

/**
 * undici makes a connection and calls `onRequestStart`. This handler throws there, so nothing is sent, and the
 * connection stays in the pool.
 */
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
