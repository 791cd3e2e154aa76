import { quote } from '../options.ts'
import type { Dispatcher } from '../undici.ts'

/** Pools that get no more requests: each is closed once what it carries has ended. */
export class ClosingPools {
  readonly #pools = new Set<Dispatcher>()

  add(pool: Dispatcher): void {
    this.#pools.add(pool)
    // It never rejects.
    void endPool(pool).then(() => this.#pools.delete(pool))
  }

  /** Ends them now, with what is under way in there. */
  async destroy(reason: Error): Promise<void> {
    await Promise.all([...this.#pools].map((pool) => endPool(pool, reason)))
  }
}

/** The pools of one endpoint: the one that requests go to, and earlier ones that finish what they carry. */
export class EndpointPools {
  readonly #make: () => Dispatcher
  #current: Dispatcher | undefined
  /** Made with the first that is renewed. */
  #closing: ClosingPools | undefined
  #isDestroyed = false

  constructor(make: () => Dispatcher) {
    this.#make = make
  }

  /** For a request that is to be sent: the pool is made with the first. */
  getOrMake(): Dispatcher {
    return (this.#current ??= this.#make())
  }

  /** For those that only look. */
  get ifMade(): Dispatcher | undefined {
    return this.#current
  }

  /** Another pool from now on; what is under way finishes in the old one. */
  renew(): void {
    const old = this.#current
    if (!old || this.#isDestroyed) return
    this.#current = undefined
    this.#closing ??= new ClosingPools()
    this.#closing.add(old)
  }

  /**
   * Ends all of them, with what is under way in there. `close()` would wait for connections that nobody wants any more to be made,
   * or refused. No pool is made any more: who sends later is told the reason.
   */
  async destroy(reason: Error): Promise<void> {
    if (this.#isDestroyed) return
    const current = this.#current
    this.#isDestroyed = true
    this.#current = new DestroyedPool(reason) as unknown as Dispatcher
    await Promise.all([current && endPool(current, reason), this.#closing?.destroy(reason)])
  }
}

/** In the place of a pool that is destroyed. */
class DestroyedPool implements Pick<Dispatcher, 'dispatch'> {
  readonly #reason: Error

  constructor(reason: Error) {
    this.#reason = reason
  }

  /** As a destroyed pool of undici's, but with our reason. */
  dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    handler.onResponseError?.(null as unknown as Dispatcher.DispatchController, this.#reason)
    return false
  }
}

/**
 * Closes a pool, or destroys it with a reason; resolves when that is done. Never throws: it may be a transport of the user's own, and
 * whoever ends it goes on all the same.
 */
async function endPool(pool: Dispatcher, reason?: Error): Promise<void> {
  try {
    await (reason ? pool.destroy(reason) : pool.close())
  } catch (error) {
    const name = reason ? 'destroy()' : 'close()'
    process.emitWarning(`${name} of the transport threw ${quote(error)}`, { code: 'OUTRIGGER_TRANSPORT' })
  }
}
