import assert from 'node:assert/strict'
import { vi } from 'vitest'
import { roundRobin } from '../../../src/balance/round-robin.ts'
import { createClient, type Client } from '../../../src/client/create-client.ts'
import type { Source } from '../../../src/registry/source.ts'
import { Traffic } from './traffic.ts'
import { SERVICE } from './world.ts'

const PATIENCE = { timeout: 60_000, interval: 5 }

/** Two clients on one source, with steady traffic through each. */
export class Audience implements AsyncDisposable {
  readonly #clients: readonly Client[]
  readonly #all: readonly Traffic[]
  /** Every instance has its turn here, so that it tells when one is used. */
  readonly #even: Traffic
  readonly #stale = new Set<Client>()

  private constructor(clients: readonly Client[]) {
    this.#clients = clients
    for (const client of clients) {
      client.on('source:stale', () => this.#stale.add(client))
      client.on('source:recovered', () => this.#stale.delete(client))
    }
    this.#all = clients.map((client) => new Traffic(client))
    this.#even = this.#all[0] as Traffic
  }

  static async start(source: Source): Promise<Audience> {
    const clients = [
      createClient({ service: SERVICE, source, balance: roundRobin() }),
      createClient({ service: SERVICE, source }),
    ]
    for (const client of clients) {
      await vi.waitFor(() => assert.notDeepEqual(client.snapshot().instances, []), PATIENCE)
    }
    return new Audience(clients)
  }

  get sent(): number {
    return this.#all.reduce((sum, { sent }) => sum + sent, 0)
  }

  /** Attempts that failed, which no caller need have noticed. */
  get failedAttempts(): number {
    return this.#all.reduce((sum, { failedAttempts }) => sum + failedAttempts, 0)
  }

  /** Requests that failed, and why. */
  get failures(): string[] {
    return this.#all.flatMap(({ failures }) => failures)
  }

  /** Resolves once both clients know exactly these. */
  async knows(urls: readonly string[]): Promise<void> {
    const known = (): string[][] =>
      this.#clients.map((client) =>
        client
          .snapshot()
          .instances.map((each) => each.instance.url)
          .toSorted(),
      )
    const expected = this.#clients.map(() => urls.toSorted())
    await vi.waitFor(() => assert.deepEqual(known(), expected), PATIENCE)
  }

  async hasLostItsRegistry(): Promise<void> {
    await vi.waitFor(() => assert.equal(this.#stale.size, this.#clients.length), PATIENCE)
  }

  async hasItsRegistry(): Promise<void> {
    await vi.waitFor(() => assert.equal(this.#stale.size, 0), PATIENCE)
  }

  /** When the first request went there; resolves once one has. */
  async firstTo(url: string): Promise<number> {
    await vi.waitFor(() => assert.ok(!Number.isNaN(this.#even.firstTo(url))), PATIENCE)
    return this.#even.firstTo(url)
  }

  /** When the last one so far went there. */
  lastTo(url: string): number {
    return this.#even.lastTo(url)
  }

  /** Resolves once every request has been answered. */
  async end(): Promise<void> {
    await Promise.all(this.#all.map((traffic) => traffic.end()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    await Promise.all(this.#clients.map((client) => client.close()))
  }
}
