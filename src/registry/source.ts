/** One running copy of a service: plain data from a registry. */
export interface Instance {
  /**
   * Unique within its service. A client keeps breaker state and load of an instance across registry updates by
   * this id.
   */
  readonly id: string
  /** An origin: scheme, host and port, without a path, such as `http://10.0.0.7:8080`. */
  readonly url: string
  /** Relative share of traffic, no unit. @default 1 */
  readonly weight?: number
  /** Where it runs, for zone-aware balancing. */
  readonly zone?: string
  /** Lower is preferred, for failover balancing. @default 0 */
  readonly priority?: number
  /** The instance is about to leave. It is picked only when no other instance is available. @default false */
  readonly draining?: boolean
  /** Plain data that JSON can represent. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** An {@link Instance} to register. The id defaults to the url's host and port. */
export type InstanceInit = Omit<Instance, 'id'> & { readonly id?: string }

export interface SignalContext {
  readonly signal: AbortSignal
}

/** Where instances come from. */
export interface Source {
  /**
   * Yields complete snapshots, the first as soon as the registry has answered.
   * Throw when the registry fails: the client keeps the last good instances and watches again after a backoff.
   * Return when the watch ended as planned: the client watches again at once.
   */
  watch(service: string, context: SignalContext): AsyncIterable<readonly Instance[]>
  /**
   * How long the client ignores a drop to zero instances, in ms. A registry that lost its data also reports
   * zero instances.
   * @default 30_000
   */
  readonly emptyGrace?: number
  /**
   * True when the instances are written in the code of this process. The instances of every other source are
   * untrusted input: link-local and metadata addresses and unix sockets are refused unless the client's `allow`
   * permits them.
   * @default false
   */
  readonly isOwn?: boolean
}

/** Where a server announces itself. */
export interface Registrar {
  register(service: string, instance: InstanceInit, context: SignalContext): Lease | Promise<Lease>
}

/** A registration that lasts while it is renewed. */
export interface Lease {
  /** How long the registration lives after its last renewal, in ms. */
  readonly ttl: number
  /**
   * Sends a heartbeat. Returns false when the registry no longer knows the lease: the caller must then register
   * again.
   */
  renew(context: SignalContext): boolean | Promise<boolean>
  /** Deregisters. To release a lease that is already gone is a success. */
  release(context: SignalContext): void | Promise<void>
}
