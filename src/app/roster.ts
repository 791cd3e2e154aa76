import type { Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { FetchOptions, ServiceOptions } from './options.ts'
import { checkClientOf, hostOf, isClient, ofService, optionsOf } from './service-options.ts'
import { Service } from './service.ts'

/** A change that was checked: it applies itself, and does not throw. */
export type Change = (by: { by?: string }) => void

/** What a roster tells its application. */
interface RosterContext {
  /** A client is there from now on: one that was made by hand, or one of a service that is called for the first time. */
  onClient(client: Client, isByHand: boolean): void
  /** What each call of a service has to call, if anything. */
  onCall(): (() => void) | undefined
  /** A service has a name from now on. */
  onName(name: string, host: string): void
}

/** The services of an application by host: clients that were made by hand, and services that make theirs at the first call. */
export class Roster {
  /** Clients that were made by hand. */
  readonly made: Map<string, Client> = new Map()
  readonly services: Map<string, Service> = new Map()
  readonly #context: RosterContext

  constructor(context: RosterContext) {
    this.#context = context
  }

  get hosts(): string[] {
    return [...this.made.keys(), ...this.services.keys()]
  }

  /** Those that there are at the moment: a service that nobody has called has none. */
  clients(): [string, Client][] {
    const made = [...this.services].flatMap(([host, service]): [string, Client][] =>
      service.made ? [[host, service.made]] : [],
    )
    return [...this.made, ...made]
  }

  client(host: string): Client | undefined {
    return this.made.get(host) ?? this.services.get(host)?.client
  }

  /** Adds a service that nobody has named; `name` is the one that the source has for it. */
  discover(host: string, name: string, options: FetchOptions): void {
    this.services.set(
      host,
      this.#serviceOf(optionsOf(host, {}, options), () => name),
    )
  }

  /** Checks services and defaults as a whole; what is returned applies them. */
  changes(services: NonNullable<FetchOptions['services']>, next: FetchOptions): Change[] {
    const changes: Change[] = []
    const named = new Set<string>()
    for (const [name, given] of Object.entries<Client | ServiceOptions>(services)) {
      const host = hostOf(name)
      if (named.has(host)) throw new TypeError(`services names '${host}' twice, in different spellings`)
      named.add(host)
      changes.push(isClient(given) ? this.#giving(name, host, given) : this.#naming(name, host, given, next))
    }
    for (const [host, service] of this.services) {
      if (named.has(host)) continue
      const { name, source } = service
      changes.push(ofService(name, {}, (own) => service.prepare(optionsOf(name, own, next, source))))
    }
    // Of services that will be discovered.
    if (next.source) ofService('service', {}, (own) => this.#serviceOf(optionsOf('service', own, next)))
    return changes
  }

  /** A client that was made by hand. */
  #giving(name: string, host: string, client: Client): () => void {
    checkClientOf(name, host, client)
    const made = this.made.get(host)
    if (this.services.has(host) || (made && made !== client)) {
      throw new TypeError(`services['${name}'] is in use: a client made by hand cannot take its place`)
    }
    return () => {
      if (made) return
      this.made.set(host, client)
      this.#context.onClient(client, true)
      this.#context.onName(name, host)
    }
  }

  /** A service with options. */
  #naming(name: string, host: string, given: ServiceOptions, next: FetchOptions): Change {
    if (this.made.has(host)) {
      throw new TypeError(`services['${name}'] is a client made by hand: change it by its own update()`)
    }
    const known = this.services.get(host)
    if (known) {
      return ofService(name, given, (own) => known.prepare(optionsOf(name, own, next, known.source)))
    }
    const service = ofService(name, given, (own) => this.#serviceOf(optionsOf(name, own, next)))
    return () => {
      this.services.set(host, service)
      this.#context.onName(name, host)
    }
  }

  #serviceOf(options: ClientOptions, nameOf: (service: string) => string = (service) => service): Service {
    const onClient = (client: Client): void => this.#context.onClient(client, false)
    return new Service(options, nameOf, onClient, this.#context.onCall())
  }
}
