import { PendingSocket } from '../pending-socket.ts'
import { Client, Pool, type Dispatcher } from '../undici.ts'

/** A request that wants to know which connection it was given to. */
export interface ConnectionListener {
  /** Called before the connection has the request. */
  onConnectionAssigned(connection: Connection): void
}

/**
 * One connection of an endpoint's pool, or one that is being made. undici's own errors do not say which connection they
 * happened on, nor whether it was ever established, and a verdict needs both.
 */
export class Connection extends Client {
  established = false
  /** Whether an answer has come over it. */
  used = false
  readonly pendingSocket: PendingSocket

  constructor(origin: string | URL, options: Client.Options = {}) {
    const pendingSocket = new PendingSocket()
    const { connect } = options
    // A pool gives its clients a function.
    super(
      origin,
      typeof connect === 'function' ? { ...options, connect: pendingSocket.track(connect) } : options,
    )
    this.pendingSocket = pendingSocket
    this.on('connect', () => {
      this.established = true
      this.used = false
    })
    // undici tells the requests of a connection that it is lost before it tells this.
    this.on('disconnect', () => {
      this.established = false
    })
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if ('onConnectionAssigned' in handler)
      (handler as Dispatcher.DispatchHandler & ConnectionListener).onConnectionAssigned(this)
    return super.dispatch(options, handler)
  }

  // undici calls it with (), (error) or (error, callback), which its type has as four overloads: all of it is passed on.
  override destroy(...given: []): Promise<void> {
    this.pendingSocket.destroy()
    return super.destroy(...given)
  }
}

/** The connections of one endpoint. */
export class Connections extends Pool {
  /** Whether the latest connection that was tried was established. */
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

/** Whether what waits in a pool waits for a connection to come free, as against one to be established. */
export function isReachable(pool: Dispatcher): boolean {
  if (pool instanceof Connections && pool.isReachable) return true
  const { stats } = pool as { readonly stats?: { readonly connected?: unknown } }
  return typeof stats?.connected === 'number' && stats.connected > 0
}
