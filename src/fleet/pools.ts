import { quote } from '../options.ts'
import type { Dispatcher } from '../undici.ts'

/** Pools that get no more requests. Each is closed when its requests have ended. */
export class ClosingPools {
  readonly #pools = new Set<Dispatcher>()

  add(pool: Dispatcher): void {
    this.#pools.add(pool)
    // endPool() never rejects.
    void endPool(pool).then(() => this.#pools.delete(pool))
  }

  /** Destroys all of them now, with the requests that are under way in them. */
  async destroy(reason: Error): Promise<void> {
    await Promise.all([...this.#pools].map((pool) => endPool(pool, reason)))
  }
}

/** The pools of one endpoint: the one for new requests, and earlier ones whose requests are still under way. */
export class EndpointPools {
  readonly #make: () => Dispatcher
  #current: Dispatcher | undefined
  /** Made at the first `renew`. */
  #closingPools: ClosingPools | undefined
  #isDestroyed = false

  constructor(make: () => Dispatcher) {
    this.#make = make
  }

  /** Returns the pool for new requests, and makes it if needed. */
  getOrMake(): Dispatcher {
    return (this.#current ??= this.#make())
  }

  /** The pool for new requests, if it was made. */
  get ifMade(): Dispatcher | undefined {
    return this.#current
  }

  /** Uses another pool from now on. Requests that are under way end in the old one. */
  renew(): void {
    const old = this.#current
    if (!old || this.#isDestroyed) return
    this.#current = undefined
    this.#closingPools ??= new ClosingPools()
    this.#closingPools.add(old)
  }

  /**
   * Destroys all pools, with the requests that are under way in them. `close()` would wait for handshakes that are not needed any
   * more. After this no pool is made, and requests are rejected with the reason.
   */
  async destroy(reason: Error): Promise<void> {
    if (this.#isDestroyed) return
    const current = this.#current
    this.#isDestroyed = true
    this.#current = new DestroyedPool(reason) as unknown as Dispatcher
    await Promise.all([current && endPool(current, reason), this.#closingPools?.destroy(reason)])
  }
}

/** Replaces a destroyed pool. */
class DestroyedPool implements Pick<Dispatcher, 'dispatch'> {
  readonly #reason: Error

  constructor(reason: Error) {
    this.#reason = reason
  }

  /** Rejects the request like a destroyed pool of undici, but with our reason. */
  dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    handler.onResponseError?.(null as unknown as Dispatcher.DispatchController, this.#reason)
    return false
  }
}

/**
 * Closes a pool, or destroys it if there is a reason. Resolves when that is done. Never rejects: the pool may be the user's
 * transport, and if that throws, there is a warning.
 */
async function endPool(pool: Dispatcher, reason?: Error): Promise<void> {
  try {
    await (reason ? pool.destroy(reason) : pool.close())
  } catch (error) {
    const name = reason ? 'destroy()' : 'close()'
    process.emitWarning(`${name} of the transport threw ${quote(error)}`, { code: 'OUTRIGGER_TRANSPORT' })
  }
}
