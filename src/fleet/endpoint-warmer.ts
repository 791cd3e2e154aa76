import { outsideCalls } from '../observe/scope.ts'
import type { LiveEndpoint } from './endpoint.ts'

/** Opens connections to an endpoint. Resolves when they are open, or could not be opened. Never rejects. */
export type WarmUp = (endpoint: LiveEndpoint) => Promise<void>

/** A new endpoint is in the tier `warming` for at most this many ms. */
const HOLD_BACK_MS = 1_000
/** No connections are opened if the latest call is older than this many ms: they might never be used. */
const IN_USE_MS = 60_000
/** How many endpoints are warmed at the same time. */
const MAX_CONCURRENT = 8

/** Opens connections to new endpoints before their first call. */
export class EndpointWarmer {
  readonly #warmUp: WarmUp
  readonly #invalidate: () => void
  readonly #queue: LiveEndpoint[] = []
  #running = 0

  constructor(warmUp: WarmUp, invalidate: () => void) {
    this.#warmUp = warmUp
    this.#invalidate = invalidate
  }

  /** Warms the endpoints `added`. They are part of `all`. `usedAt` is when the latest call was. */
  warm(added: readonly LiveEndpoint[], all: readonly LiveEndpoint[], now: number, usedAt: number): void {
    if (now - usedAt > IN_USE_MS) return
    // Hold new endpoints back only if the others get at most twice their load because of it.
    const isHeld = added.length * 2 <= all.length
    for (const endpoint of added) {
      if (isHeld) endpoint.warmingUntil = now + HOLD_BACK_MS
      this.#queue.push(endpoint)
    }
    outsideCalls.runInAsyncScope(() => this.#warmNext())
  }

  /**
   * Warms no further endpoints. Those that still wait may get calls immediately. Connections that are being opened are
   * completed.
   */
  stop(): void {
    for (const endpoint of this.#queue.splice(0)) endpoint.warmingUntil = -Infinity
    this.#invalidate()
  }

  #warmNext(): void {
    while (this.#running < MAX_CONCURRENT) {
      const endpoint = this.#queue.shift()
      if (!endpoint) return
      if (endpoint.removed) continue
      this.#running++
      void this.#warmOne(endpoint)
    }
  }

  async #warmOne(endpoint: LiveEndpoint): Promise<void> {
    await this.#warmUp(endpoint)
    this.#running--
    if (endpoint.warmingUntil > -Infinity) {
      endpoint.warmingUntil = -Infinity
      this.#invalidate()
    }
    this.#warmNext()
  }
}
