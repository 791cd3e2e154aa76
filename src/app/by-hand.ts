import type { Client } from '../client/client.ts'
import type { UpdateOptions } from '../client/update.ts'
import type { ByHandOptions, TakeOutOptions } from '../control/hand.ts'
import { quote } from '../quote.ts'

/** Names the service, if several services have an instance with the same id. */
export interface OfService {
  service?: string
}

/** Actions of operators. Forwards each to the client that knows the instance. */
export class AppByHand {
  readonly #clients: () => readonly (readonly [host: string, client: Client])[]
  /** The last call of dryRun(), for clients that are made later. */
  #dryRun: { readonly on: boolean; readonly by: UpdateOptions | undefined } | undefined

  /** `clients` returns the clients of the services that have been called. */
  constructor(clients: () => readonly (readonly [host: string, client: Client])[]) {
    this.#clients = clients
  }

  isolate(id: string, options: TakeOutOptions & OfService = {}): void {
    const { service, ...own } = options
    this.#clientOf(id, service).isolate(id, own)
  }

  drain(id: string, options: ByHandOptions & OfService = {}): void {
    const { service, ...own } = options
    this.#clientOf(id, service).drain(id, own)
  }

  weigh(id: string, weight: number, options: ByHandOptions & OfService = {}): void {
    const { service, ...own } = options
    this.#clientOf(id, service).weigh(id, weight, own)
  }

  open(id: string, ms: number, options: Omit<TakeOutOptions, 'for'> & OfService = {}): void {
    const { service, ...own } = options
    this.#clientOf(id, service).open(id, ms, own)
  }

  restore(id: string, { service }: OfService = {}): void {
    this.#clientOf(id, service).restore(id)
  }

  reset(id?: string, { service }: OfService = {}): void {
    if (id !== undefined) this.#clientOf(id, service).reset(id)
    else
      for (const [host, client] of this.#clients())
        if (service === undefined || service === host) client.reset()
  }

  dryRun(on: boolean, by?: UpdateOptions): void {
    for (const [, client] of this.#clients()) client.dryRun(on, by)
    this.#dryRun = { on, by }
  }

  /** Applies dry run to a new client. */
  addTo(client: Client): void {
    if (this.#dryRun) client.dryRun(this.#dryRun.on, this.#dryRun.by)
  }

  #clientOf(id: string, service: string | undefined): Client {
    const clients = this.#clients().filter(([host]) => service === undefined || host === service)
    const knowing = clients.filter(([, client]) =>
      client.snapshot().instances.some(({ instance }) => instance.id === id),
    )
    const [first, ...others] = knowing
    if (first && others.length === 0) return first[1]
    const hosts = (first ? knowing : clients).map(([host]) => host).join(', ')
    throw new RangeError(
      first
        ? `${quote(id)} is an instance of ${hosts}: say which with { service }`
        : `no service that has been called has an instance ${quote(id)}; called: ${hosts || 'none'}`,
    )
  }
}
