import { outsideCalls } from '../observe/scope.ts'
import type { LiveEndpoint } from './endpoint.ts'

/** Opens connections to an endpoint; resolves when it has, or could not. */
export type WarmUp = (endpoint: LiveEndpoint) => Promise<void>

/** Milliseconds for which a new endpoint is held back at most. */
export const HOLD_BACK_MS = 1_000
/** Milliseconds since the latest call: connections to the instances of a service that nobody calls would be wasted. */
const IN_USE_MS = 60_000
/** Endpoints that are warmed at a time. */
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

  /** `added` of `all` endpoints are new. */
  warm(added: readonly LiveEndpoint[], all: readonly LiveEndpoint[], now: number, usedAt: number): void {
    if (now - usedAt > IN_USE_MS) return
    // The others must not carry more than twice their load meanwhile.
    const isHeld = added.length * 2 <= all.length
    for (const endpoint of added) {
      if (isHeld) endpoint.warmingUntil = now + HOLD_BACK_MS
      this.#queue.push(endpoint)
    }
    outsideCalls.runInAsyncScope(() => this.#warmNext())
  }

  /** Warms no further endpoints. Those whose connections are being opened finish; those that wait get calls at once. */
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
