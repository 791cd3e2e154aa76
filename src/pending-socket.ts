import type { Socket } from 'node:net'
import type { buildConnector } from './undici.ts'

type Connector = ReturnType<typeof buildConnector>

/**
 * The socket of a connection that is being established. When an undici client is destroyed, undici keeps this socket
 * until the connect timeout has passed (10 s by default), and the socket keeps the process alive until then.
 */
export class PendingSocket {
  #socket: Socket | undefined

  /** Returns a connector that calls `connect` and remembers its socket until it is connected or has failed. */
  track(connect: Connector): Connector {
    return (options, callback) => {
      let isDone = false
      // undici returns the socket before it is connected. Its types do not say so.
      const socket: unknown = connect(options, (...result) => {
        isDone = true
        this.#socket = undefined
        callback(...result)
      })
      if (!isDone && isSocket(socket)) this.#socket = socket
    }
  }

  destroy(): void {
    // undici clears its timer only if the socket is destroyed with an error.
    this.#socket?.destroy(new Error('the client was destroyed while it connected'))
    this.#socket = undefined
  }
}

function isSocket(value: unknown): value is Socket {
  return typeof (value as { destroy?: unknown } | undefined)?.destroy === 'function'
}
