import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../../src/client/create-client.ts'

/** Milliseconds between two requests. */
const EVERY = 20

/** Steady GETs through a client, and where and when each of their attempts went. Times are of `performance.now()`. */
export class Traffic {
  sent = 0
  /** Attempts that failed and that no caller noticed. */
  failedAttempts = 0
  readonly failures: string[] = []
  /** By url: when the first and the last attempt there began. */
  readonly #routed = new Map<string, { first: number; last: number }>()
  readonly #client: Client
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: Client) {
    this.#client = client
    client.on('attempt', ({ instance, outcome, duration }) => {
      const at = performance.now() - duration
      const routed = this.#routed.get(instance.url)
      if (routed) routed.last = Math.max(routed.last, at)
      else this.#routed.set(instance.url, { first: at, last: at })
      if (outcome !== 'success') this.failedAttempts++
    })
    this.#running = this.#run()
  }

  firstTo(url: string): number {
    return this.#routed.get(url)?.first ?? NaN
  }

  lastTo(url: string): number {
    return this.#routed.get(url)?.last ?? NaN
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const open = new Set<Promise<void>>()
    const started = performance.now()
    while (!this.#stop.signal.aborted) {
      const request = this.#get(++this.sent).finally(() => open.delete(request))
      open.add(request)
      await sleep(Math.max(started + this.sent * EVERY - performance.now(), 0))
    }
    await Promise.all(open)
  }

  async #get(n: number): Promise<void> {
    const at = performance.now()
    try {
      const response = await this.#client(`/users/${n}`)
      const body = await response.text()
      if (!response.ok) throw new Error(`${response.status} ${body}`)
    } catch (error) {
      const { message, cause, code } = error as Error & { code?: string }
      this.failures.push(
        `request ${n} at ${at.toFixed(0)} after ${(performance.now() - at).toFixed(0)} ms: ${code} ${message}, ${String(cause)}`,
      )
    }
  }
}
