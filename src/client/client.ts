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

/** How an app-wide fetch calls a client, with its otherClients for redirects between services. */
export const callWithin: unique symbol = Symbol('outrigger.callWithin')

/** What a client can do besides being called. */
export interface ClientDoors extends AsyncDisposable, Configurable, Watchable {
  /** undici's `request` under the same policy: its native result, at a fraction of fetch's price. */
  request<Opaque = null>(
    input: string,
    options?: RequestOptions<Opaque> & RouteInit,
  ): Promise<Dispatcher.ResponseData<Opaque>>
  /** Balance, break and retry around anything: runs `run` with the instance picked for each try. */
  execute<T>(run: ExecuteFunction<T>, options?: ExecuteOptions): Promise<T>
  /** An undici dispatcher that picks, breaks and counts, but neither retries nor times out. */
  readonly dispatcher: Dispatcher
  /**
   * Resolves once the first instances, or their absence, are known; keeps the process alive until then. Rejects with a
   * `NoInstanceError`, whose `cause` is the source's error, when `timeout` is over, and at once when the source fails for a reason
   * that does not pass by itself, such as a wrong token. A source that cannot be reached is waited for.
   *
   * @example
   * await users.ready({ timeout: 10_000 })
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Instances, breaker states, loads and counters as plain JSON. */
  snapshot(): ClientSnapshot
  /**
   * Why a call would go where it goes, or be refused: for a route key, a path, a URL or a Request; for calls without a route if
   * left out. Plain JSON data, and a table as `String(explanation)`.
   *
   * @example
   * users.on('call:rejected', ({ route }) => log.warn(String(users.explain(route))))
   */
  explain(target?: FetchInput, init?: Pick<CallInit, 'method' | 'headers'>): Explanation
  /**
   * Takes an instance out: it gets no further call, what it carries may finish. By its id, so it holds through any change
   * of the registry. Throws a RangeError for an id nobody knows, and for the last instance that is left unless `force`.
   *
   * @example
   * users.isolate('10.0.0.7:8080', { for: 600_000, reason: 'INC-123' })
   */
  isolate(id: string, options?: TakeOutOptions): void
  /** From now on picked only when nobody else may take a call. */
  drain(id: string, options?: ByHandOptions): void
  /** Sets its weight; 0 is picked only when nobody else may take a call. */
  weigh(id: string, weight: number, options?: ByHandOptions): void
  /** Opens the breaker of an instance for `ms` milliseconds; it then recovers as usual. */
  open(id: string, ms: number, options?: Omit<TakeOutOptions, 'for'>): void
  /** Takes back what was done by hand to an instance. Its breakers stay as they are. */
  restore(id: string): void
  /** As good as new, one instance or all: nothing done by hand, every breaker closed. */
  reset(id?: string): void
  /**
   * Changes options while the client is in use: all but `service`, `source` and `clock`. What is given replaces what was there,
   * `undefined` goes back to the default, and `routes` are merged by key. It is checked whole before anything is applied.
   * Calls under way keep the plan they began with; breakers, loads and latencies stay.
   *
   * @example
   * users.update({ timeout: { total: 2_000 }, routes: { 'GET /reports/**': { breaker: false } } }, { by: 'ops' })
   */
  update(options: ClientUpdate, by?: UpdateOptions): void
  /** Whether every breaker only reports what it would do, and refuses nothing. The same as `update()` of its `dryRun`. */
  dryRun(on: boolean, by?: UpdateOptions): void
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  once<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /** Without a listener, removes all of that name. */
  off<Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>): this
  /** The same as `on`: for `once()` and `on()` of `node:events`. */
  addListener<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /** The same as `off` with a listener. */
  removeListener<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): this
  /**
   * Refuses new calls, and those that still wait for a place; a call between two tries ends with the answer it has. Lets
   * running ones finish within `drainTimeout`, then closes every connection; what still runs then ends with the code
   * `ERR_OUTRIGGER_CLOSED`.
   */
  close(): Promise<void>
  /** @internal */
  readonly [callWithin]: (
    input: FetchInput,
    init: CallInit | undefined,
    otherClients?: OtherClients,
  ) => Promise<Response>
}

/** A client for one service: call it as you would call `fetch`. */
export interface Client extends ClientDoors {
  /**
   * `fetch`, with a path (`'/users/42'`), a URL of the service, a Request, or a route key
   * (`'GET /users/{id}'` with `params`). A URL of any other host goes to the platform's fetch untouched.
   */
  (input: FetchInput, init?: CallInit): Promise<TypedResponse>
}

/** A client that knows its routes: those are checked and typed, all else is fetch as before. */
export interface TypedClient<Schema> extends ClientDoors, TypedCall<Schema> {}
