import type { Socket } from 'node:net'
import { disown } from './hooks/disown.ts'
import { isA } from './hooks/thrown.ts'
import { quote } from './quote.ts'
import type { buildConnector } from './undici.ts'

type Connector = ReturnType<typeof buildConnector>

/**
 * The socket of a connection that is being established. When an undici client is destroyed, undici keeps this socket
 * until the connect timeout has passed (10 s by default), and the socket keeps the process alive until then.
 */
export class PendingSocket {
  #socket: Socket | undefined

  /**
   * Returns a connector that calls `connect` and remembers its socket until it is connected or has failed. `connect` may
   * be a user function. If it throws, rejects or passes on something else, the connection fails with an Error: undici
   * expects one, and throws in the event loop otherwise.
   */
  track(connect: Connector): Connector {
    return (options, callback) => {
      let isDone = false
      const done = (error: unknown, socket: Socket | null): void => {
        if (isDone) return
        isDone = true
        this.#socket = undefined
        if (socket) callback(null, socket)
        else callback(errorOf(error), null)
      }
      try {
        // undici returns the socket before it is connected. Its types do not say so.
        const socket: unknown = connect(options, (...[error, made]) => done(error, error ? null : made))
        if (disown(socket, (error) => done(error, null)) || isDone) return
        if (isSocket(socket)) this.#socket = socket
      } catch (error) {
        done(error, null)
      }
    }
  }

  /**
   * Ends the socket. Unless the undici client is destroyed too, it then fails its requests with `reason`, and connects again for
   * its next request.
   */
  destroy(reason: Error = new Error('the client was destroyed while it connected')): void {
    // undici clears its timer only if the socket is destroyed with an error.
    this.#socket?.destroy(reason)
    this.#socket = undefined
  }
}

function isSocket(value: unknown): value is Socket {
  return typeof (value as { destroy?: unknown } | undefined)?.destroy === 'function'
}

function errorOf(thrown: unknown): Error {
  if (isA(thrown, Error)) return thrown
  const what = thrown === undefined || thrown === null ? 'neither a socket nor an error' : quote(thrown)
  return new Error(`connect() must result in a socket or an error, got ${what}`)
}
