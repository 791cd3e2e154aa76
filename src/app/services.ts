import type { Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { FetchOptions, ServiceOptions } from './options.ts'
import { checkClientOf, hostOf, isClient, ofService, optionsOf } from './service-options.ts'
import { Service } from './service.ts'

/** A checked change. The function applies it and does not throw. */
export type Change = (by: { by?: string }) => void

/** The callbacks from the services to their application. */
interface ServicesContext {
  /** Called when a client is added: one that the user has made, or one of a service at its first call. */
  onClient(client: Client, isByHand: boolean): void
  /** Called when a service is made. Returns the function that each call of this service must call, if there is one. */
  makeCallListener(): (() => void) | undefined
  /** Called when a service is named in the options. */
  onName(name: string, host: string): void
}

/**
 * The services of an application by host: clients that the user has made, and services that make a client at
 * their first call.
 */
export class Services {
  /** Clients that the user has made with createClient(). */
  readonly ownClients: Map<string, Client> = new Map()
  readonly byHost: Map<string, Service> = new Map()
  readonly #context: ServicesContext

  constructor(context: ServicesContext) {
    this.#context = context
  }

  get hosts(): string[] {
    return [...this.ownClients.keys(), ...this.byHost.keys()]
  }

  /** The clients that exist now. A service without a call has none. */
  clients(): [string, Client][] {
    const made = [...this.byHost].flatMap(([host, service]): [string, Client][] =>
      service.made ? [[host, service.made]] : [],
    )
    return [...this.ownClients, ...made]
  }

  client(host: string): Client | undefined {
    return this.ownClients.get(host) ?? this.byHost.get(host)?.client
  }

  /** Adds a discovered service. `name` is its name in the source. */
  discover(host: string, name: string, options: FetchOptions): void {
    this.byHost.set(
      host,
      this.#serviceOf(optionsOf(host, {}, options), () => name),
    )
  }

  /** Checks services and defaults together. The returned functions apply the changes. */
  changes(services: NonNullable<FetchOptions['services']>, next: FetchOptions): Change[] {
    const changes: Change[] = []
    const named = new Set<string>()
    for (const [name, given] of Object.entries<Client | ServiceOptions>(services)) {
      const host = hostOf(name)
      if (named.has(host)) throw new TypeError(`services names '${host}' twice, in different spellings`)
      named.add(host)
      changes.push(
        isClient(given) ? this.#addClient(name, host, given) : this.#addService(name, host, given, next),
      )
    }
    for (const [host, service] of this.byHost) {
      if (named.has(host)) continue
      const { name, source } = service
      changes.push(ofService(name, {}, (own) => service.prepare(optionsOf(name, own, next, source))))
    }
    // Checks the options for services that will be discovered.
    if (next.source) ofService('service', {}, (own) => this.#serviceOf(optionsOf('service', own, next)))
    return changes
  }

  /** Adds a client that the user has made. */
  #addClient(name: string, host: string, client: Client): () => void {
    checkClientOf(name, host, client)
    const made = this.ownClients.get(host)
    if (this.byHost.has(host) || (made && made !== client)) {
      throw new TypeError(`services['${name}'] is in use: a client made by createClient() cannot replace it`)
    }
    return () => {
      if (made) return
      this.ownClients.set(host, client)
      this.#context.onClient(client, true)
      this.#context.onName(name, host)
    }
  }

  /** Adds or changes a service with options. */
  #addService(name: string, host: string, given: ServiceOptions, next: FetchOptions): Change {
    if (this.ownClients.has(host)) {
      throw new TypeError(`services['${name}'] is a client made by createClient(): change it by its update()`)
    }
    const known = this.byHost.get(host)
    if (known) {
      return ofService(name, given, (own) => known.prepare(optionsOf(name, own, next, known.source)))
    }
    const service = ofService(name, given, (own) => this.#serviceOf(optionsOf(name, own, next)))
    return () => {
      this.byHost.set(host, service)
      this.#context.onName(name, host)
    }
  }

  #serviceOf(options: ClientOptions, nameOf: (service: string) => string = (service) => service): Service {
    const onClient = (client: Client): void => this.#context.onClient(client, false)
    return new Service(options, nameOf, onClient, this.#context.makeCallListener())
  }
}
