import { PendingSocket } from '../pending-socket.ts'
import { Client, type Pool } from '../undici.ts'
import { quietConnector } from './connector.ts'
import type { CheckResult } from './health.ts'
import type { HealthPolicy } from './policy.ts'
import { targetOf } from './target.ts'

/** Whom the check asks for, as calls do. */
export interface CheckHost {
  readonly host: string
  readonly servername: string
}

/** An undici client for one check of the instance at `url`. */
export type CheckClient = (url: string) => {
  readonly client: Client
  /** The origin that it asks. */
  readonly origin: string
  /** Ends it, also while it connects. */
  readonly end: () => void
}

/**
 * Makes a client, and so a connection, for each check: it proves that the server takes connections, leaves none behind and meets none that
 * the server is about to close.
 */
export function checkClients(policy: HealthPolicy, transport: Pool.Options): CheckClient {
  const connectors = new Map<string | undefined, ReturnType<typeof quietConnector>>()
  const connectorTo = (socketPath: string | undefined): ReturnType<typeof quietConnector> => {
    // A unix socket's path is part of a connector.
    let connector = connectors.get(socketPath)
    if (!connector) {
      connector = quietConnector({ ...transport, ...(socketPath && { socketPath }) }, policy.timeout)
      if (socketPath === undefined) connectors.set(socketPath, connector)
    }
    return connector
  }
  return (url) => {
    const { origin, socketPath } = targetOf(url, policy.port)
    const pendingSocket = new PendingSocket()
    const client = new Client(origin, {
      connect: pendingSocket.of(connectorTo(socketPath)),
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

/** Begins a check that `end` ends: when it is over, when it cannot begin, or by the returned function. `done` is called once. */
export function once(
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
