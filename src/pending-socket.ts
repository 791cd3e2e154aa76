import type { Socket } from 'node:net'
import type { buildConnector } from './undici.ts'

type Connector = ReturnType<typeof buildConnector>

/**
 * The socket of a connection while it is being made. A client of undici that is destroyed leaves this socket to the
 * connect timeout, 10 s as a rule, and the socket keeps the process alive for as long.
 */
export class PendingSocket {
  #socket: Socket | undefined

  /** `connect`, watched. */
  track(connect: Connector): Connector {
    return (options, callback) => {
      let isDone = false
      // undici returns the socket before it is connected, which its types do not say.
      const socket: unknown = connect(options, (...result) => {
        isDone = true
        this.#socket = undefined
        callback(...result)
      })
      if (!isDone && isSocket(socket)) this.#socket = socket
    }
  }

  destroy(): void {
    // With an error: undici clears its timer when it hears of one.
    this.#socket?.destroy(new Error('the client was destroyed while it connected'))
    this.#socket = undefined
  }
}

function isSocket(value: unknown): value is Socket {
  return typeof (value as { destroy?: unknown } | undefined)?.destroy === 'function'
}
