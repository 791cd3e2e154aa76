/** One running copy of a service: plain data from a registry. */
export interface Instance {
  /** Unique within its service. Breaker and load survive registry updates by this id. */
  readonly id: string
  /** An origin: scheme, host and port, no path, `http://10.0.0.7:8080`. */
  readonly url: string
  /** Relative share of traffic. @default 1 */
  readonly weight?: number
  /** Where it runs, for zone-aware balancing. */
  readonly zone?: string
  /** Lower is preferred, for failover balancing. @default 0 */
  readonly priority?: number
  /** About to leave: picked only when nothing else is there. @default false */
  readonly draining?: boolean
  /** Plain data that JSON can carry. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** An {@link Instance} to register; the id defaults to the url's host and port. */
export type InstanceInit = Omit<Instance, 'id'> & { readonly id?: string }

export interface SignalContext {
  readonly signal: AbortSignal
}

/** Where instances come from. */
export interface Source {
  /**
   * Yields complete snapshots, the first as soon as the registry has answered.
   * Throw when the registry fails (the last good instances stay, and the watch is started again after
   * a backoff); return when the watch ended as planned (it is started again at once).
   */
  watch(service: string, context: SignalContext): AsyncIterable<readonly Instance[]>
  /**
   * How long a drop to zero instances is held back, in ms, because a registry that lost its memory looks
   * just like this.
   * @default 30_000
   */
  readonly emptyGrace?: number
  /**
   * True when its instances are written in this process's own code. Those of all others are input: link-local and
   * metadata addresses and unix sockets are refused unless the client's `allow` says otherwise.
   * @default false
   */
  readonly isOwn?: boolean
}

/** The other direction: where a server announces itself. */
export interface Registrar {
  register(service: string, instance: InstanceInit, context: SignalContext): Lease | Promise<Lease>
}

/** A registration that lasts as long as it is renewed. */
export interface Lease {
  /** Milliseconds the registration lives after its last renewal. */
  readonly ttl: number
  /** A heartbeat. False: the registry no longer knows the lease, register again. */
  renew(context: SignalContext): boolean | Promise<boolean>
  /** Deregisters. Releasing what is already gone is a success. */
  release(context: SignalContext): void | Promise<void>
}
