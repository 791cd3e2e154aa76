import { PendingSocket } from '../pending-socket.ts'
import { Client, type Pool } from '../undici.ts'
import { unrefConnector } from './connector.ts'
import type { CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { targetOf } from './target.ts'

/** The host and the TLS server name of a check, the same as those of calls. */
export interface CheckHost {
  readonly host: string
  readonly servername: string
}

/** Makes an undici client for one check of the instance at `url`. The check must call `end`. */
export type MakeCheckClient = (url: string) => {
  readonly client: Client
  /** The origin of the check's requests. */
  readonly origin: string
  /** Closes the client, even while it connects. */
  readonly end: () => void
}

/**
 * Returns the function that makes the client of a check. Each check has a new one, and so a new connection. This proves that the server accepts connections.
 * No connection stays open, and no check uses a connection that the server is about to close.
 */
export function checkClientMaker(policy: HealthPolicy, transport: Pool.Options): MakeCheckClient {
  const connectors = new Map<string | undefined, ReturnType<typeof unrefConnector>>()
  const connectorTo = (socketPath: string | undefined): ReturnType<typeof unrefConnector> => {
    // The path of a unix socket is part of its connector.
    let connector = connectors.get(socketPath)
    if (!connector) {
      connector = unrefConnector({ ...transport, ...(socketPath && { socketPath }) }, policy.timeout)
      if (socketPath === undefined) connectors.set(socketPath, connector)
    }
    return connector
  }
  return (url) => {
    const { origin, socketPath } = targetOf(url, policy.port)
    const pendingSocket = new PendingSocket()
    const client = new Client(origin, {
      connect: pendingSocket.track(connectorTo(socketPath)),
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(transport.maxHeaderSize !== undefined && { maxHeaderSize: transport.maxHeaderSize }),
      ...(transport.localAddress != null && { localAddress: transport.localAddress }),
    })
    const end = (): void => {
      pendingSocket.destroy()
      client.destroy().catch(() => {})
    }
    return { client, origin, end }
  }
}

/**
 * Starts a check, and calls `end` once: when the check is over, when it cannot start, or when the returned
 * function is called. Calls `done` at most once.
 */
export function startCheck(
  end: () => void,
  done: (result: CheckResult) => void,
  begin: (finish: (result: CheckResult) => void) => void,
): () => void {
  let isOver = false
  const stop = (): void => {
    isOver = true
    end()
  }
  try {
    begin((result) => {
      if (isOver) return
      stop()
      done(result)
    })
  } catch (error) {
    stop()
    throw error
  }
  return stop
}
