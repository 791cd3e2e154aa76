import type { Clock } from '../clock.ts'
import type { LiveEndpoint } from './endpoint.ts'

/**
 * The removed endpoints whose pools are not destroyed yet. Their attempts may go on for the drain time. Then the pools
 * are destroyed.
 */
export class RetiringEndpoints {
  readonly #clock: Clock
  readonly #retirements = new Set<Promise<void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Retires an endpoint. Its attempts have `drainTimeout` ms to end. */
  add(endpoint: LiveEndpoint, drainTimeout: number): void {
    const retired = this.#retire(endpoint, drainTimeout).finally(() => this.#retirements.delete(retired))
    this.#retirements.add(retired)
  }

  /** Resolves when the pools of all endpoints so far are destroyed. */
  async whenEnded(): Promise<void> {
    await Promise.all(this.#retirements)
  }

  async #retire(endpoint: LiveEndpoint, drainTimeout: number): Promise<void> {
    if (endpoint.inFlight > 0) {
      const timer = new AbortController()
      const timeout = this.#clock.sleep(drainTimeout, timer.signal, { ref: false })
      await Promise.race([endpoint.whenAttemptsEnd(), timeout.catch(() => {})])
      timer.abort()
    }
    await endpoint.destroyPools()
  }
}
