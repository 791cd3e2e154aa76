import { PendingSocket } from '../pending-socket.ts'
import { Client, Pool, type Dispatcher } from '../undici.ts'

/** A handler that needs to know which connection undici gives its request to. */
export interface ConnectionListener {
  /** Called synchronously before the connection gets the request, and again when the request is sent again. */
  onConnectionAssigned(connection: Connection): void
}

/**
 * One connection of an endpoint's pool, established or not. undici's errors tell neither on which connection they
 * happened, nor whether that connection was ever established. A verdict needs both.
 */
export class Connection extends Client {
  established = false
  /** True if a response has come over the connection since it was established. */
  used = false
  readonly pendingSocket: PendingSocket

  constructor(origin: string | URL, options: Client.Options = {}) {
    const pendingSocket = new PendingSocket()
    const { connect } = options
    // A Pool passes `connect` to its clients as a function.
    super(
      origin,
      typeof connect === 'function' ? { ...options, connect: pendingSocket.track(connect) } : options,
    )
    this.pendingSocket = pendingSocket
    this.on('connect', () => {
      this.established = true
      this.used = false
    })
    // When a connection is lost, undici calls the handlers of its requests before it emits this event.
    this.on('disconnect', () => {
      this.established = false
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('onConnectionAssigned' in handler)
      (handler as Dispatcher.DispatchHandler & ConnectionListener).onConnectionAssigned(this)
    return super.dispatch(options, handler)
  }

  // undici calls this method with (), (error) or (error, callback). Its type declares them as four overloads, so all
  // arguments are passed on.
  override destroy(...given: []): Promise<void> {
    this.pendingSocket.destroy()
    return super.destroy(...given)
  }
}

/** The connection pool of one endpoint. */
export class Connections extends Pool {
  /** True if the latest attempt to connect has succeeded. */
  isReachable = false

  constructor(origin: string, options: Pool.Options) {
    super(origin, { factory: (url, each) => new Connection(url, each), ...options })
    this.on('connect', () => {
      this.isReachable = true
    })
    this.on('connectionError', () => {
      this.isReachable = false
    })
  }
}

/** True if a request in the queue of this pool waits for a free connection, and not for a new one to be established. */
export function isReachable(pool: Dispatcher): boolean {
  if (pool instanceof Connections && pool.isReachable) return true
  const { stats } = pool as { readonly stats?: { readonly connected?: unknown } }
  return typeof stats?.connected === 'number' && stats.connected > 0
}
