import { createClient, type Client } from '../client/create-client.ts'
import { checkClientOptions } from '../client/check-options.ts'
import type { ClientOptions } from '../client/options.ts'
import { ServiceClient } from '../client/service-client.ts'
import type { ClientUpdate } from '../client/update.ts'
import { systemClock } from '../clock.ts'
import type { OutriggerError } from '../errors.ts'
import type { Source } from '../registry/source.ts'
import { RestingSource } from './resting-source.ts'

/** One service of an application: its client is made at the first call. */
export class Service {
  readonly name: string
  /** When it was last called, by the clock. */
  calledAt: number = -Infinity
  #options: ClientOptions
  #client: Client | undefined
  #closed: OutriggerError | undefined
  /** Its own, or the application's. */
  readonly source: Source
  readonly #source: RestingSource
  readonly #onClient: (client: Client) => void

  /**
   * Throws what `createClient()` would. `nameOf` is the name that the registry has for it. `onCall` hears of each call, for a service
   * that may rest.
   */
  constructor(
    options: ClientOptions,
    nameOf: (service: string) => string,
    onClient: (client: Client) => void,
    onCall: (() => void) | undefined,
  ) {
    this.name = options.service
    this.source = options.source
    const { clock = systemClock } = options
    const isCalled = (): void => {
      this.calledAt = clock.now()
      onCall?.()
    }
    this.#source = new RestingSource(options.source, nameOf, clock, onCall && isCalled)
    this.#options = { ...options, source: this.#source }
    this.#onClient = onClient
    check(this.#options)
  }

  /** Made when it is first asked for. Throws once the application is closed: nobody would close it. */
  get client(): Client {
    if (!this.#client) {
      if (this.#closed) throw this.#closed
      this.#client = createClient(this.#options)
      this.#onClient(this.#client)
    }
    return this.#client
  }

  /** The client, if there has been a call. */
  get made(): Client | undefined {
    return this.#client
  }

  rest(): void {
    this.#source.rest()
  }

  /** Checks other options; what it returns applies them, and does not throw. */
  prepare(options: ClientOptions): (by: { by?: string }) => void {
    if (options.source !== this.source) {
      throw new TypeError(`services['${this.name}'] cannot have another source: only a new createFetch() can`)
    }
    const next: ClientOptions = { ...options, source: this.#source }
    check(next)
    return (by) => {
      const before = this.#options
      this.#options = next
      try {
        this.#client?.update(difference(before, next), by)
      } catch (error) {
        // The user has closed it himself.
        if ((error as Partial<OutriggerError>).code !== 'ERR_OUTRIGGER_CLOSED') throw error
      }
    }
  }

  /** `reason`: why no client is made any more. */
  async close(reason: OutriggerError): Promise<void> {
    this.#closed = reason
    await this.#client?.close()
  }
}

/** Everything that `createClient()` checks, without a client. */
function check(options: ClientOptions): void {
  checkClientOptions(options)
  // Made only to have its options checked: it opens no connection and begins no watch, so nobody has to close it.
  void new ServiceClient(options)
}

const FIXED: ReadonlySet<string> = new Set(['service', 'source', 'clock'])

/** What `update()` has to be told so that the options after it are `next`. */
function difference(before: ClientOptions, next: ClientOptions): ClientUpdate {
  const gone = (from: object, to: object): [string, undefined][] =>
    Object.keys(from)
      .filter((name) => !Object.hasOwn(to, name))
      .map((name) => [name, undefined])
  const { routes: earlier, ...old } = before
  const { routes: after, ...others } = next
  const changed = [...gone(old, others), ...Object.entries(others)].filter(([name]) => !FIXED.has(name))
  const routes = { ...Object.fromEntries(gone(earlier ?? {}, after ?? {})), ...after }
  return { ...Object.fromEntries(changed), ...((earlier ?? after) && { routes }) }
}
