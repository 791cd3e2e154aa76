import { outsideCalls } from '../observe/scope.ts'
import { watch } from '../observe/watchers.ts'
import type { Contracts, HasContract } from '../typed/contract-types.ts'
import type { OpenAPI } from '../typed/openapi.ts'
import { registerFetch } from '../attempt/platform.ts'
import { callWithin, type Client, type ClientDoors, type TypedClient } from './client.ts'
import { configurable } from './configurable.ts'
import { checkClientOptions } from './check-options.ts'
import type { ClientOptions } from './options.ts'
import type { RouteRule } from './route-rule.ts'
import { ServiceClient } from './service-client.ts'

export type { Client, TypedClient } from './client.ts'

/** A client without its methods. */
type Call = (...args: Parameters<Client>) => ReturnType<Client>

type Rules = Readonly<Record<string, RouteRule>>

/** The second branch lets TypeScript infer `Routes`. The first one rejects unknown options. */
type CheckedRoutes<Routes> = Routes extends Rules ? { readonly [Key in keyof Routes]: RouteRule } : Routes

type ClientOf<Schema, Routes> = [Schema] extends [OpenAPI<object>]
  ? TypedClient<Schema>
  : [HasContract<Routes>] extends [never]
    ? Client
    : TypedClient<Contracts<Routes>>

/**
 * Creates a client for a service. Throws a TypeError or RangeError that names the invalid option.
 *
 * @example
 * const users = createClient({ service: 'user-service', source: registry })
 * users.on('breaker:open', (event) => log.warn(event, 'circuit opened'))
 * const response = await users('/users/42')
 */
export function createClient<
  Schema extends OpenAPI<object> | undefined = undefined,
  const Routes extends Rules = Rules,
>(options: ClientOptions & { routes?: CheckedRoutes<Routes> }): ClientOf<Schema, Routes>
export function createClient(options: ClientOptions): Client {
  checkClientOptions(options)
  const service = new ServiceClient(options)
  const client: Client = Object.assign<Call, ClientDoors>((input, ...[init]) => service.call(input, init), {
    request: (input, request) => service.request(input, request),
    execute: (run, executeOptions) => service.execute(run, executeOptions),
    dispatcher: service.dispatcher,
    ready: (readyOptions) => service.ready(readyOptions),
    snapshot: () => service.snapshot(),
    explain: (target, init) => service.explain(target, init),
    isolate: (id, how) => service.byHand.isolate(id, how),
    drain: (id, how) => service.byHand.drain(id, how),
    weigh: (id, weight, how) => service.byHand.weigh(id, weight, how),
    open: (id, ms, how) => service.byHand.open(id, ms, how),
    restore: (id) => service.byHand.restore(id),
    reset: (id) => service.byHand.reset(id),
    update: (update, by) => service.configuration.update(update, by),
    dryRun: (on, by) => service.configuration.dryRun(on, by),
    on: (name, listener) => (service.on(name, listener), client),
    once: (name, listener) => (service.once(name, listener), client),
    off: (name, listener) => (service.off(name, listener), client),
    addListener: (name, listener) => client.on(name, listener),
    removeListener: (name, listener) => client.off(name, listener),
    close: () => service.close(),
    [Symbol.asyncDispose]: () => service.close(),
    [configurable]: service.configuration.configured,
    [watch]: (watcher) => service.core.events.watch(watcher),
    [callWithin]: (input, init, otherClients) => service.call(input, init, otherClients),
  })
  registerFetch(client)
  // Runs outside the async context of the code that creates the client: what a source does belongs to no call.
  outsideCalls.runInAsyncScope(() => service.core.discovery.start())
  return client
}
