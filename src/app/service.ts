import { createClient, type Client } from '../client/create-client.ts'
import { checkClientOptions } from '../client/check-options.ts'
import type { ClientOptions } from '../client/options.ts'
import { ServiceClient } from '../client/service-client.ts'
import type { ClientUpdate } from '../client/update.ts'
import { systemClock } from '../clock.ts'
import type { OutriggerError } from '../errors.ts'
import type { Source } from '../registry/source.ts'
import { PausableSource } from './pausable-source.ts'

/** One service of an application. Its client is made at the first call. */
export class Service {
  readonly name: string
  /** When the service was last called, in ms on the clock. Only kept if the service may be paused. */
  calledAt: number = -Infinity
  #options: ClientOptions
  #client: Client | undefined
  #closeError: OutriggerError | undefined
  /** The source of the service, or of the application. The client watches `#pausable`, which wraps it. */
  readonly source: Source
  readonly #pausable: PausableSource
  readonly #onClient: (client: Client) => void

  /**
   * Throws the same errors as `createClient()`. `nameOf` returns the name of the service in the registry.
   * `onCall` is called for each call. It is set if the service may be paused.
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
    this.#pausable = new PausableSource(options.source, nameOf, clock, onCall && isCalled)
    this.#options = { ...options, source: this.#pausable }
    this.#onClient = onClient
    check(this.#options)
  }

  /**
   * The client, which is made when this is first read. Throws once the application is closed, because no one
   * would close the new client.
   */
  get client(): Client {
    if (!this.#client) {
      if (this.#closeError) throw this.#closeError
      this.#client = createClient(this.#options)
      this.#onClient(this.#client)
    }
    return this.#client
  }

  /** The client, if it has been made. */
  get made(): Client | undefined {
    return this.#client
  }

  pause(): void {
    this.#pausable.pause()
  }

  /** Checks other options. The returned function applies them and does not throw. */
  prepare(options: ClientOptions): (by: { by?: string }) => void {
    if (options.source !== this.source) {
      throw new TypeError(
        `services['${this.name}'] cannot change its source: make a new createFetch() instead`,
      )
    }
    const next: ClientOptions = { ...options, source: this.#pausable }
    check(next)
    return (by) => {
      const before = this.#options
      this.#options = next
      try {
        this.#client?.update(difference(before, next), by)
      } catch (error) {
        // The user has already closed this client.
        if ((error as Partial<OutriggerError>).code !== 'ERR_OUTRIGGER_CLOSED') throw error
      }
    }
  }

  /** `error` is thrown when a client is needed afterwards. */
  async close(error: OutriggerError): Promise<void> {
    this.#closeError = error
    await this.#client?.close()
  }
}

/** Does all checks of `createClient()` without making a client. */
function check(options: ClientOptions): void {
  checkClientOptions(options)
  // This object only checks the options. It opens no connection and starts no watch, so it need not be closed.
  void new ServiceClient(options)
}

const FIXED: ReadonlySet<string> = new Set(['service', 'source', 'clock'])

/** Returns the `update()` that changes the options from `before` to `next`. */
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
