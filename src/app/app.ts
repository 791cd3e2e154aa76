import { dispatchOutside, Platform, urlText, type FetchInput } from '../attempt/platform.ts'
import { callWithin, type Client } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { ClientSnapshot } from '../client/snapshot.ts'
import { systemClock, type Clock } from '../clock.ts'
import { discardInput } from '../doors/input/discard-body.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import { logicalAddress } from '../doors/plan/target.ts'
import { OutriggerError } from '../errors.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Listener } from '../observe/emitter.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { checkObject } from '../options.ts'
import { quote } from '../quote.ts'
import { Strangers } from './discovered.ts'
import { checkAppOptions, type FetchOptions, type ServiceOptions, type Unknown } from './options.ts'
import { Service } from './service.ts'

/** Services that `discover` may add: their names come from URLs. */
const MAX_DISCOVERED = 1_000

type EventName = keyof ClientEvents

interface Subscription {
  readonly name: EventName
  readonly listener: unknown
  subscribe(client: Client): void
}

/** Every service of an application, by host, and what becomes of all other hosts. */
export class App {
  readonly #made = new Map<string, Client>()
  readonly #services = new Map<string, Service>()
  /** Hosts that are being asked for. */
  readonly #asked = new Map<string, Promise<Client | undefined>>()
  /** What to do with each client that is made later. */
  readonly #listeners: Subscription[] = []
  readonly #platform = new Platform()
  readonly #clock: Clock
  readonly #strangers: Strangers
  #options: FetchOptions
  #discovered = 0
  #closed: OutriggerError | undefined
  #sleeping: AbortController | undefined

  constructor(options: FetchOptions) {
    checkAppOptions(options)
    this.#options = { ...options }
    this.#clock = options.clock ?? systemClock
    this.#strangers = new Strangers(this.#clock, options.suffixes ?? [])
    for (const [name, given] of Object.entries(options.services ?? {})) this.#add(name, given)
  }

  get unknown(): Unknown {
    return this.#options.unknown ?? this.#options.otherwise ?? 'pass'
  }

  async fetch(input: FetchInput, init?: RequestInit): Promise<Response> {
    const returning = this.#platform.returning(input, init)
    if (returning) return returning
    const url = URL.parse(urlText(input))
    // fetch itself says what is wrong with what is no absolute URL; data: and blob: never leave the process.
    if (!url || !/^https?:$/.test(url.protocol)) return this.#platform.fetch(input, init)
    const client = this.#called(url.host) ?? (await this.#discover(url.host))
    if (client) return client[callWithin](input, init, this.otherClients)
    if (this.unknown !== 'deny') return this.#platform.fetch(input, init)
    const refusal = denied(url.origin)
    discardInput(input, init, refusal)
    throw refusal
  }

  /** Where redirects from one service to another go. */
  readonly otherClients: OtherClients = (origin) => {
    const client = this.#called(origin.slice(origin.indexOf('//') + 2))
    if (client) return client.dispatcher
    if (this.unknown !== 'deny') return { dispatch: dispatchOutside }
    return {
      dispatch: () => {
        throw denied(origin)
      },
    }
  }

  /** The client of a service, by the host that callers write. Throws a RangeError for one that is not there. */
  client(name: string): Client {
    const host = typeof name === 'string' ? logicalAddress(name).host : ''
    const client = this.#made.get(host) ?? this.#services.get(host)?.client
    if (client) return client
    throw new RangeError(`there is no service ${quote(name)}; known: ${this.names.join(', ') || 'none'}`)
  }

  get names(): string[] {
    return [...this.#made.keys(), ...this.#services.keys()]
  }

  /** Of every service that has been called. */
  snapshot(): { services: Record<string, ClientSnapshot> } {
    const entries = this.#clients().map(([host, client]): [string, ClientSnapshot] => [
      host,
      client.snapshot(),
    ])
    return { services: Object.fromEntries(entries) }
  }

  explain(input: FetchInput, init?: { method?: string }): Explanation {
    const url = URL.parse(urlText(input))
    if (!url) throw new TypeError(`explain() needs an absolute URL, got ${quote(input)}`)
    return this.client(url.host).explain(input, init)
  }

  on<Name extends EventName>(name: Name, listener: Listener<ClientEvents[Name]>, once = false): void {
    checkEventName(name)
    const subscribe = (client: Client): void => void client[once ? 'once' : 'on'](name, listener)
    for (const [, client] of this.#clients()) subscribe(client)
    this.#listeners.push({ name, listener, subscribe })
  }

  off<Name extends EventName>(name: Name, listener?: Listener<ClientEvents[Name]>): void {
    checkEventName(name)
    for (const [, client] of this.#clients()) client.off(name, listener)
    const kept = this.#listeners.filter(
      (each) => each.name !== name || (listener !== undefined && each.listener !== listener),
    )
    this.#listeners.splice(0, this.#listeners.length, ...kept)
  }

  /** Checks the whole, then applies it: what is given replaces `defaults`, single `services` and `unknown`. */
  update(update: Pick<FetchOptions, 'defaults' | 'services' | 'unknown'>, by: { by?: string } = {}): void {
    if (this.#closed) throw this.#closed
    checkObject('update()', update, ['defaults', 'services', 'unknown'])
    checkObject("update()'s options", by, ['by'])
    const services = { ...this.#options.services, ...update.services }
    const next: FetchOptions = { ...this.#options, ...update, services }
    checkAppOptions(next)
    const apply: (() => void)[] = []
    const known = new Set<string>()
    for (const [name, given] of Object.entries(services)) {
      const host = hostOf(name)
      const service = this.#services.get(host)
      known.add(host)
      if (service && !isClient(given)) {
        const change = service.prepare(optionsOf(name, given, next))
        apply.push(() => change(by))
      } else if (!this.#made.has(host)) apply.push(this.#adding(name, given, next))
    }
    for (const [host, service] of this.#services) {
      if (known.has(host)) continue
      const change = service.prepare(optionsOf(service.name, {}, next))
      apply.push(() => change(by))
    }
    this.#options = next
    for (const each of apply) each()
  }

  async close(): Promise<void> {
    this.#closed = new OutriggerError('ERR_OUTRIGGER_CLOSED', 'this fetch is closed; make a new one')
    this.#sleeping?.abort()
    await Promise.all([...this.#services.values()].map((service) => service.close()))
  }

  #clients(): [string, Client][] {
    const made = [...this.#services].flatMap(([host, service]): [string, Client][] =>
      service.made ? [[host, service.made]] : [],
    )
    return [...this.#made, ...made]
  }

  #called(host: string): Client | undefined {
    const made = this.#made.get(host)
    if (made) return made
    const service = this.#services.get(host)
    if (!service) return undefined
    if (this.#closed) throw this.#closed
    const { idleTimeout = Infinity } = this.#options
    if (idleTimeout === Infinity) return service.called(undefined)
    this.#watchIdle(idleTimeout)
    return service.called(this.#clock)
  }

  #add(name: string, given: Client | ServiceOptions): void {
    this.#adding(name, given, this.#options)()
  }

  /** Checks a service; what is returned adds it. */
  #adding(name: string, given: Client | ServiceOptions, options: FetchOptions): () => void {
    const host = hostOf(name)
    if (this.#made.has(host) || this.#services.has(host)) {
      throw new TypeError(`services names '${host}' twice, in different spellings`)
    }
    if (!isClient(given)) {
      const service = this.#serviceOf(optionsOf(name, given, options))
      return () => this.#services.set(host, service)
    }
    const own = given.snapshot().service
    if (logicalAddress(own).host === host) return () => this.#made.set(host, given)
    throw new TypeError(
      `services['${name}'] is a client of '${own}': make one for '${name}', or use that name`,
    )
  }

  #serviceOf(options: ClientOptions, nameOf: (service: string) => string = (service) => service): Service {
    return new Service(options, nameOf, (client) => {
      for (const subscription of this.#listeners) subscription.subscribe(client)
    })
  }

  /** A service that nobody has named, if the source knows it. */
  async #discover(host: string): Promise<Client | undefined> {
    if (this.unknown !== 'discover' || this.#discovered >= MAX_DISCOVERED) return undefined
    const name = this.#strangers.nameOf(host)
    if (name === undefined) return undefined
    if (this.#closed) throw this.#closed
    const asking = this.#asked.get(host) ?? this.#ask(host, name).finally(() => this.#asked.delete(host))
    this.#asked.set(host, asking)
    return asking
  }

  async #ask(host: string, name: string): Promise<Client | undefined> {
    this.#discovered++
    const service = this.#serviceOf(optionsOf(host, {}, this.#options), () => name)
    const { client } = service
    try {
      await client.ready({ timeout: 5_000 })
      if (client.snapshot().instances.length > 0) {
        this.#services.set(host, service)
        return this.#called(host)
      }
      this.#strangers.add(host)
    } catch {
      // The source does not answer: the host is taken for one that is no service, and asked for again.
    }
    this.#discovered--
    await service.close()
    return undefined
  }

  /** Looks for services that nobody has called for a while, as long as there are any that have been. */
  #watchIdle(ms: number): void {
    if (this.#sleeping) return
    const sleeping = (this.#sleeping = new AbortController())
    this.#clock.sleep(ms, sleeping.signal, { ref: false }).then(
      () => {
        this.#sleeping = undefined
        const now = this.#clock.now()
        let isAwake = false
        for (const service of this.#services.values()) {
          if (now - service.calledAt >= ms) service.rest()
          else isAwake = true
        }
        if (isAwake) this.#watchIdle(ms)
      },
      () => {},
    )
  }
}

function isClient(value: unknown): value is Client {
  return typeof value === 'function' && callWithin in value
}

/** The options of one service: the defaults, and what differs; routes are merged by key. */
function optionsOf(
  name: string,
  given: ServiceOptions,
  { source, defaults, clock }: FetchOptions,
): ClientOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`services['${name}'] must be a client or an object of options, got ${quote(given)}`)
  }
  for (const key of ['service', 'clock']) {
    if (key in given) throw new TypeError(`services['${name}'] cannot have ${key}`)
  }
  const { source: own = source, ...options } = given
  if (!own) throw new TypeError(`services['${name}'] has no source, and createFetch() has none either`)
  const routes = { ...defaults?.routes, ...options.routes }
  return {
    ...defaults,
    ...options,
    ...(Object.keys(routes).length > 0 && { routes }),
    service: name,
    source: own,
    ...(clock && { clock }),
  }
}

function hostOf(name: string): string {
  try {
    return logicalAddress(name).host
  } catch (error) {
    throw new TypeError(`services['${name}']: ${error instanceof Error ? error.message : quote(error)}`, {
      cause: error,
    })
  }
}

/** Refuses a host that nobody asked for. */
export function denied(origin: string): OutriggerError {
  return new OutriggerError(
    'ERR_OUTRIGGER_DENIED',
    `${origin} is none of this fetch's services, and unknown hosts are denied`,
  )
}
