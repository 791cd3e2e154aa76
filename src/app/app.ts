import { Platform, urlText, type FetchDispatcher } from '../attempt/platform.ts'
import { callWithin, type Client } from '../client/client.ts'
import { allowOf } from '../client/core.ts'
import { configurable, ownersOf, type Configured } from '../client/configurable.ts'
import type { ClientSnapshot } from '../client/snapshot.ts'
import { systemClock } from '../clock.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import { copyCall } from '../doors/input/call-init.ts'
import { discardInput } from '../doors/input/discard-body.ts'
import { logicalAddress } from '../doors/plan/target.ts'
import { checkBy } from '../client/update.ts'
import { OutriggerError } from '../errors.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import type { Watcher } from '../observe/watchers.ts'
import { checkObject } from '../options.ts'
import { quote } from '../quote.ts'
import { AppByHand } from './by-hand.ts'
import { denied, denying, OUTSIDE } from './denied.ts'
import { UnknownHosts } from './unknown-hosts.ts'
import { dispatchLater } from './dispatch-later.ts'
import { Listeners } from './listeners.ts'
import { IdleServices } from './idle-services.ts'
import { Lookups, waitUnlessAborted } from './lookups.ts'
import { checkAppOptions, type FetchOptions, type Unknown } from './options.ts'
import { Services, type Change } from './services.ts'
import { optionsOf, ownersFor, withDefaults } from './service-options.ts'
import type { FetchInput } from '../typed/call-input.ts'

type AppUpdate = Pick<FetchOptions, 'defaults' | 'services' | 'unknown'>

/** How many services `discover` may add. The limit is needed because their names come from URLs. */
const MAX_DISCOVERED = 1_000

/** The services of an application by host, and the behaviour for all other hosts. */
export class App {
  /** The clients of the named services, by their name in the options. */
  readonly services: Readonly<Record<string, Client>> = {}
  readonly #services = new Services({
    onClient: (client, isByHand) => {
      this.#listeners.addTo(client)
      if (!isByHand) this.#adopt(client)
    },
    onName: (name, host) => this.#addName(name, host),
    makeCallListener: () => {
      const { idleTimeout = Infinity } = this.#options
      return idleTimeout < Infinity ? () => this.#idle.startTimer(idleTimeout) : undefined
    },
  })
  readonly byHand: AppByHand = new AppByHand(() => this.#services.clients())
  readonly #listeners = new Listeners(() => this.#services.clients().map(([, client]) => client))
  readonly #platform = new Platform()
  readonly #idle: IdleServices
  readonly #unknownHosts: UnknownHosts
  readonly #lookups: Lookups | undefined
  #options: FetchOptions
  readonly #onClose = new Set<() => void>()
  #discovered = 0
  #closeError: OutriggerError | undefined

  constructor(options: FetchOptions) {
    checkAppOptions(options)
    this.#options = { ...options }
    const { source, suffixes = [], services = {}, clock = systemClock } = options
    this.#idle = new IdleServices(clock, () => this.#services.byHost.values())
    this.#unknownHosts = new UnknownHosts(clock, suffixes)
    if (source) {
      this.#lookups = new Lookups({
        source,
        clock,
        onFound: (host, name) => this.#found(host, name),
        onNone: (host) => this.#unknownHosts.add(host),
      })
    }
    for (const add of this.#services.changes(services, options)) add({})
  }

  get unknown(): Unknown {
    return this.#options.unknown ?? this.#options.otherwise ?? 'pass'
  }

  /** Throws synchronously if the call is invalid. */
  fetch(input: FetchInput, init?: RequestInit): Promise<Response> {
    const returned = this.#platform.fetchIfReturned(input, init)
    if (returned) return returned
    const url = URL.parse(urlText(input))
    // fetch() itself reports an invalid URL. data: and blob: URLs never leave the process.
    if (!url || !/^https?:$/.test(url.protocol)) return this.#platform.fetch(input, init)
    const client = this.#clientOf(url.host)
    if (client) return client[callWithin](input, init, this.otherClients)
    const lookup = this.#lookUp(url.host)
    if (lookup) return this.#fetchAfter(lookup, url, ...copyCall(input, init))
    return this.#fetchElsewhere(url, input, init)
  }

  /** Returns the dispatcher for a redirect from one service to another. */
  readonly otherClients: OtherClients = (origin) => this.dispatcherOf(origin, OUTSIDE)

  /** Returns the dispatcher for requests to an origin: that of a service, `outside`, or one that refuses. */
  dispatcherOf(origin: string, outside: FetchDispatcher): FetchDispatcher {
    const host = origin.slice(origin.indexOf('//') + 2)
    const known = (): FetchDispatcher | undefined => this.#clientOf(host)?.dispatcher
    const otherwise = (): FetchDispatcher => (this.unknown === 'deny' ? denying(origin) : outside)
    const client = known()
    if (client) return client
    const lookup = this.#lookUp(host)
    return lookup ? dispatchLater(lookup.then(() => known() ?? otherwise())) : otherwise()
  }

  /**
   * Returns the client of a service, by the host that callers use. Throws a RangeError if there is no such
   * service.
   */
  client(name: string): Client {
    const host = typeof name === 'string' ? logicalAddress(name).host : ''
    const client = this.#services.client(host)
    if (client) return client
    throw new RangeError(`there is no service ${quote(name)}; known: ${this.names.join(', ') || 'none'}`)
  }

  get names(): string[] {
    return this.#services.hosts
  }

  /** The snapshot of every service that has been called. */
  snapshot(): { services: Record<string, ClientSnapshot> } {
    const entries = this.#services
      .clients()
      .map(([host, client]): [string, ClientSnapshot] => [host, client.snapshot()])
    return { services: Object.fromEntries(entries) }
  }

  explain(input: FetchInput, init?: Pick<RequestInit, 'method' | 'headers'>): Explanation {
    const url = URL.parse(urlText(input))
    if (!url) throw new TypeError(`explain() needs an absolute URL, got ${quote(input)}`)
    return this.client(url.host).explain(input, init)
  }

  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: Listener<ClientEvents[Name]>,
    isOnce = false,
  ): void {
    this.#listeners.on(name, listener, isOnce)
  }

  /** Counts what all its clients do, including later ones. */
  watch(watcher: Watcher): () => void {
    return this.#listeners.watch(watcher)
  }

  off<Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>): void {
    this.#listeners.off(name, listener)
  }

  /**
   * Checks the complete update, then applies it. It replaces `defaults`, the named services of `services`, and
   * `unknown`.
   */
  update(update: AppUpdate, by: { by?: string } = {}): void {
    checkObject("update()'s options", by, ['by'])
    checkBy(by)
    const { next, changes } = this.#prepare(update)
    // The code below does not throw.
    this.#options = next
    for (const change of changes) change(by)
  }

  #prepare(update: AppUpdate): { next: FetchOptions; changes: Change[] } {
    if (this.#closeError) throw this.#closeError
    checkObject('update()', update, ['defaults', 'services', 'unknown'])
    const services = { ...this.#options.services, ...update.services }
    const next: FetchOptions = { ...this.#options, ...update, services }
    checkAppOptions(next)
    return { next, changes: this.#services.changes(services, next) }
  }

  readonly configured: Configured = {
    group: 'services',
    options: () => ({ ...this.#options }),
    check: (update) => ({ ...this.#prepare(withDefaults(update)).next }),
    update: (update, by) => this.update(withDefaults(update), by),
    owners: new Set(),
    onClose: (end) => {
      if (this.#closeError) end()
      else this.#onClose.add(end)
      return () => this.#onClose.delete(end)
    },
  }

  async close(): Promise<void> {
    for (const end of this.#onClose) end()
    const closeError = (this.#closeError ??= new OutriggerError(
      'ERR_OUTRIGGER_CLOSED',
      'this fetch is closed; make a new one',
    ))
    this.#idle.close()
    this.#lookups?.close()
    await Promise.all([...this.#services.byHost.values()].map((service) => service.close(closeError)))
  }

  /** Sets up a client that gets its options from this application. */
  #adopt(client: Client): void {
    this.byHand.addTo(client)
    const own = client.snapshot().service
    client[configurable].owners.add(() => ownersFor(own, ownersOf(this.configured)))
  }

  #clientOf(host: string): Client | undefined {
    const made = this.#services.ownClients.get(host)
    if (made) return made
    const service = this.#services.byHost.get(host)
    if (!service) return undefined
    if (this.#closeError) throw this.#closeError
    return service.client
  }

  async #fetchAfter(
    lookup: Promise<void>,
    url: URL,
    input: FetchInput,
    init: RequestInit | undefined,
  ): Promise<Response> {
    const signal: unknown = input instanceof Request ? input.signal : init?.signal
    try {
      await waitUnlessAborted(signal, lookup)
      const client = this.#clientOf(url.host)
      if (client) return await client[callWithin](input, init, this.otherClients)
      if (this.#closeError) throw this.#closeError
    } catch (error) {
      discardInput(input, init, error)
      throw error
    }
    return this.#fetchElsewhere(url, input, init)
  }

  #fetchElsewhere(url: URL, input: FetchInput, init: RequestInit | undefined): Promise<Response> {
    if (this.unknown !== 'deny') return this.#platform.fetch(input, init)
    const refusal = denied(url.origin)
    discardInput(input, init, refusal)
    throw refusal
  }

  /** Returns the promise that a call to this host must await, if the host may be a service. */
  #lookUp(host: string): Promise<void> | undefined {
    if (this.unknown !== 'discover' || !this.#lookups || this.#discovered >= MAX_DISCOVERED) return undefined
    const name = this.#unknownHosts.nameOf(host)
    if (name === undefined) return undefined
    if (this.#closeError) throw this.#closeError
    return this.#lookups.waitFor(host, name, () => allowOf(optionsOf(host, {}, this.#options)))
  }

  #found(host: string, name: string): Client | undefined {
    if (this.#closeError || this.unknown !== 'discover' || this.#services.byHost.has(host)) return undefined
    this.#discovered++
    this.#services.discover(host, name, this.#options)
    return this.#clientOf(host)
  }

  #addName(name: string, host: string): void {
    this.#lookups?.drop(host)
    Object.defineProperty(this.services, name, { enumerable: true, get: () => this.client(name) })
  }
}
