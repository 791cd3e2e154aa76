import type { CallInit, FetchInput } from '../typed/call-input.ts'
import type { ByHandOptions, TakeOutOptions } from '../control/hand.ts'
import type { ExecuteFunction, ExecuteOptions } from '../doors/execute/operation.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import type { RequestOptions } from '../doors/request/operation.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Listener } from '../observe/emitter.ts'
import type { ClientEvents } from '../observe/events.ts'
import type { Watchable } from '../observe/watchers.ts'
import type { TypedCall } from '../typed/call.ts'
import type { TypedResponse } from '../typed/response.ts'
import type { Dispatcher } from '../undici.ts'
import type { Configurable } from './configurable.ts'
import type { ReadyOptions } from './ready.ts'
import type { ClientSnapshot } from './snapshot.ts'
import type { ClientUpdate, UpdateOptions } from './update.ts'

export type RouteInit = Pick<CallInit, 'params' | 'query'>

/** Used by an app-wide fetch to call a client, with the application's other clients for redirects between services. */
export const callWithin: unique symbol = Symbol('outrigger.callWithin')

/** The methods of a client, besides calling it. */
export interface ClientDoors extends AsyncDisposable, Configurable, Watchable {
  /** undici's `request` with the same policy. It returns undici's native result, and costs much less than fetch. */
  request<Opaque = null>(
    input: string,
    options?: RequestOptions<Opaque> & RouteInit,
  ): Promise<Dispatcher.ResponseData<Opaque>>
  /**
   * Calls `run` with the instance that was picked for each try, with the same balancing, breakers and retries as
   * fetch.
   */
  execute<T>(run: ExecuteFunction<T>, options?: ExecuteOptions): Promise<T>
  /**
   * An undici dispatcher. It picks an instance for each request and counts the result for its breaker, but has no
   * retries and no timeouts.
   */
  readonly dispatcher: Dispatcher
  /**
   * Resolves once the first instances are known, or that there are none. Keeps the process alive until then. After
   * `timeout`, it rejects with a `NoInstanceError`, whose `cause` is the source's error. It rejects at once if the
   * source has failed for a reason that does not go away by itself, such as a wrong token. It waits for a source that
   * cannot be reached.
   *
   * @example
   * await users.ready({ timeout: 10_000 })
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Returns instances, breaker states, loads and counters as plain JSON data. */
  snapshot(): ClientSnapshot
  /**
   * Explains where a call would go, or why it would be refused. `target` is a route key, a path, a URL or a Request;
   * without it, calls that match no route are explained. Returns plain JSON data. `String(explanation)` is a table.
   *
   * @example
   * users.on('call:rejected', ({ route }) => log.warn(String(users.explain(route))))
   */
  explain(target?: FetchInput, init?: Pick<CallInit, 'method' | 'headers'>): Explanation
  /**
   * Takes an instance out of use. It gets no new calls, and its requests in flight may finish. The action is for an
   * id, so it survives any change of the registry. Throws a RangeError if the id is unknown, or if no other instance
   * is left, unless `force` is true.
   *
   * @example
   * users.isolate('10.0.0.7:8080', { for: 600_000, reason: 'INC-123' })
   */
  isolate(id: string, options?: TakeOutOptions): void
  /** From now on, the instance is picked only if no other one can take a call. */
  drain(id: string, options?: ByHandOptions): void
  /** Sets the weight of an instance. With 0, it is picked only if no other one can take a call. */
  weigh(id: string, weight: number, options?: ByHandOptions): void
  /** Opens the breaker of an instance for `ms` milliseconds. Then it recovers as usual. */
  open(id: string, ms: number, options?: Omit<TakeOutOptions, 'for'>): void
  /** Undoes what was done by hand to an instance. Its breakers stay as they are. */
  restore(id: string): void
  /** Undoes what was done by hand, and closes every breaker, for one instance or for all. */
  reset(id?: string): void
  /**
   * Changes options while the client is in use: all except `service`, `source` and `clock`. An option that is given
   * replaces the old value, `undefined` restores the default, and `routes` are merged by key. Everything is checked
   * before anything is applied. Calls in flight keep the plan that they have begun with. Breakers, loads and
   * latencies are kept.
   *
   * @example
   * users.update({ timeout: { total: 2_000 }, routes: { 'GET /reports/**': { breaker: false } } }, { by: 'ops' })
   */
  update(options: ClientUpdate, by?: UpdateOptions): void
  /**
   * With true, every breaker only reports what it would do, and refuses nothing. Does the same as `update()` with the
   * breakers' option `dryRun`.
   */
  dryRun(on: boolean, by?: UpdateOptions): void
  /** Calls `listener` for each event of this name: synchronously, after the state has changed. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /** Calls `listener` for the next event of this name only. */
  once<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /** Removes a listener. Without `listener`, removes all listeners of this event. */
  off<Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>): this
  /** Does the same as `on`. The functions `once()` and `on()` of `node:events` need it. */
  addListener<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /** Does the same as `off` with a listener. */
  removeListener<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /**
   * Closes the client. New calls and calls that wait for a place are rejected, and a call between two tries ends with
   * the response it has. Calls in flight may finish within `drainTimeout`. Then every connection is closed, and calls
   * that are still running reject with the code `ERR_OUTRIGGER_CLOSED`.
   */
  close(): Promise<void>
  /** @internal */
  readonly [callWithin]: (
    input: FetchInput,
    init: CallInit | undefined,
    otherClients?: OtherClients,
  ) => Promise<Response>
}

/** A client for one service. Call it like `fetch`. */
export interface Client extends ClientDoors {
  /**
   * Makes a call like `fetch`. The input is a path (`'/users/42'`), a URL of the service, a Request, or a route key
   * (`'GET /users/{id}'`, with `params`). A URL of any other host is passed to the platform's fetch unchanged.
   */
  (input: FetchInput, init?: CallInit): Promise<TypedResponse>
}

/**
 * A client that knows the types of its routes. Calls to these routes are checked and typed. All other calls are like
 * `fetch`.
 */
export interface TypedClient<Schema> extends ClientDoors, TypedCall<Schema> {}
