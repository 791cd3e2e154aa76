import type { Clock } from '../clock.ts'
import type { LiveEndpoint } from './endpoint.ts'

/** Removed endpoints that finish what they carry. */
export class Retiring {
  readonly #clock: Clock
  readonly #endpoints = new Set<Promise<void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Closes the pool of an endpoint once it carries nothing, or after `drainTimeout` ms. */
  add(endpoint: LiveEndpoint, drainTimeout: number): void {
    let timer: AbortController | undefined
    const deadline = (): Promise<void> => {
      timer = new AbortController()
      return this.#clock.sleep(drainTimeout, timer.signal, { ref: false }).catch(() => {})
    }
    const retired = endpoint.retire(deadline).finally(() => {
      timer?.abort()
      this.#endpoints.delete(retired)
    })
    this.#endpoints.add(retired)
  }

  /** Resolves when all of them have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#endpoints)
  }
}
