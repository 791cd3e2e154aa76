import { registerFetch, type Fetch } from '../attempt/platform.ts'
import type { Client } from '../client/client.ts'
import { configurable, type Configurable } from '../client/configurable.ts'
import type { ClientSnapshot } from '../client/snapshot.ts'
import type { UpdateOptions } from '../client/update.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import { watch, type Watchable } from '../observe/watchers.ts'
import { App } from './app.ts'
import type { AppByHand } from './by-hand.ts'
import type { FetchOptions } from './options.ts'
import type { FetchInput } from '../typed/call-input.ts'

export type { FetchOptions, ServiceDefaults, ServiceOptions, Unknown } from './options.ts'

/** Actions of operators on an instance of any service that has been called. See the methods of a client. */
export type AppControl = Pick<
  AppByHand,
  'isolate' | 'drain' | 'weigh' | 'open' | 'restore' | 'reset' | 'dryRun'
>

/** An app-wide fetch: assignable to `typeof fetch`. */
export interface AppFetch<Names extends string = string>
  extends Fetch, AppControl, AsyncDisposable, Configurable, Watchable {
  /** The clients by name. Each is made when it is first read. */
  readonly services: { readonly [Name in Names]: Client }
  /** Returns the client of a service, including discovered ones. Throws a RangeError if there is no such service. */
  client(name: Names | (string & {})): Client
  /** Returns the snapshots of the services that have been called, by host. */
  snapshot(): { services: Record<string, ClientSnapshot> }
  /** Explains where a call to this URL would go, or why it would be refused. */
  explain(input: FetchInput, init?: Pick<RequestInit, 'method' | 'headers'>): Explanation
  /** Listens to the events of all services, including services that are added later. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  once<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  off<Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>): this
  /**
   * Changes the configuration: replaces `defaults` and `unknown`, and each named service of `services`.
   * Everything is checked before anything is applied. Clients keep what they have learned, and their sources.
   * Throws a TypeError for a different source.
   */
  update(config: Pick<FetchOptions, 'defaults' | 'services' | 'unknown'>, by?: UpdateOptions): void
  /** Closes the clients that it has made, but not clients that were passed to it. */
  close(): Promise<void>
}

/**
 * Makes an app-wide fetch that selects the service by host name, with one source and one set of defaults for
 * all services. Throws a TypeError or RangeError that names the invalid option.
 *
 * @example
 * globalThis.fetch = createFetch({ source: consul(), unknown: 'discover' })
 * await fetch('http://user-service/users/42')
 *
 * @example
 * const app = createFetch({
 *   source: registry,
 *   defaults: { timeout: { total: 5_000 } },
 *   services: { 'user-service': {}, 'report-service': { timeout: { total: 60_000 } } },
 * })
 */
export function createFetch<const Names extends string = never>(
  options: FetchOptions<Names>,
): AppFetch<Names> {
  return fetchOf(new App(options))
}

/** Returns an application as a function with members. */
export function fetchOf(app: App): AppFetch {
  const fetch = async (input: FetchInput, ...[init]: [init?: RequestInit]): Promise<Response> =>
    app.fetch(input, init)
  const made: AppFetch = Object.assign<Fetch, Omit<AppFetch, keyof Fetch>>(fetch, {
    services: app.services,
    client: (name) => app.client(name),
    snapshot: () => app.snapshot(),
    explain: (input, init) => app.explain(input, init),
    on: (name, listener) => (app.on(name, listener), made),
    once: (name, listener) => (app.on(name, listener, true), made),
    off: (name, listener) => (app.off(name, listener), made),
    update: (config, by) => app.update(config, by),
    isolate: (id, how) => app.byHand.isolate(id, how),
    drain: (id, how) => app.byHand.drain(id, how),
    weigh: (id, weight, how) => app.byHand.weigh(id, weight, how),
    open: (id, ms, how) => app.byHand.open(id, ms, how),
    restore: (id, of) => app.byHand.restore(id, of),
    reset: (id, of) => app.byHand.reset(id, of),
    dryRun: (on, by) => app.byHand.dryRun(on, by),
    [configurable]: app.configured,
    [watch]: (watcher) => app.watch(watcher),
    close: () => app.close(),
    [Symbol.asyncDispose]: () => app.close(),
  })
  registerFetch(made)
  return made
}
