import { Platform, type FetchInput } from '../attempt/platform.ts'
import { execute } from '../call/execute.ts'
import { AttemptDispatcher } from '../doors/dispatcher/dispatcher.ts'
import {
  EXECUTE_OPTIONS,
  ExecuteOperation,
  type ExecuteFunction,
  type ExecuteOptions,
} from '../doors/execute/operation.ts'
import { contractOf, underContract } from '../doors/fetch/contract.ts'
import { fallbackCall, hasFallback, withFallback } from '../doors/fetch/fallback.ts'
import { FetchOperation } from '../doors/fetch/operation.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import { RequestOperation, type RequestOptions } from '../doors/request/operation.ts'
import { logicalAddress, resolveTarget, type CallInit, type Target } from '../doors/plan/target.ts'
import { OutriggerError } from '../errors.ts'
import type { Listener } from '../observe/emitter.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { nobody } from '../observe/scope.ts'
import { checkFunction, checkObject } from '../options.ts'
import type { TypedCall } from '../typed/call.ts'
import type { Contracts, HasContract } from '../typed/contract-types.ts'
import type { OpenAPI } from '../typed/openapi.ts'
import type { TypedResponse } from '../typed/response.ts'
import type { Dispatcher } from '../undici.ts'
import { compilePlans } from './compile.ts'
import { createCore } from './core.ts'
import { checkClientOptions, type ClientOptions, type RouteRule } from './options.ts'
import { ready, type ReadyOptions } from './ready.ts'
import { takeSnapshot, type ClientSnapshot } from './snapshot.ts'

type RouteInit = Pick<CallInit, 'params' | 'query'>

/** How an app-wide fetch calls a client, with its otherClients for redirects between services. */
export const callWithin: unique symbol = Symbol('outrigger.callWithin')

/** What a client can do besides being called. */
export interface ClientDoors extends AsyncDisposable {
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

type Rules = Readonly<Record<string, RouteRule>>

/** `Routes` is inferred through its last branch, and checked for unknown options by the first. */
type CheckedRoutes<Routes> = Routes extends Rules ? { readonly [Key in keyof Routes]: RouteRule } : Routes

type ClientOf<Schema, Routes> = [Schema] extends [OpenAPI<object>]
  ? TypedClient<Schema>
  : [HasContract<Routes>] extends [never]
    ? Client
    : TypedClient<Contracts<Routes>>

/**
 * Makes a client for a service. Bad options throw a TypeError or RangeError that names the option.
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
  const logical = logicalAddress(options.service)
  const compiled = compilePlans(options)
  const { plans, guards } = compiled
  const core = createCore(options, compiled)
  const { service, events } = core
  const platform = new Platform()

  const refuseClosed = (): void => {
    if (core.closed) throw core.closed
  }
  // Not async: that would cost two more promises.
  const call: Client[typeof callWithin] = (input, init, otherClients) => {
    try {
      const returning = platform.returning(input, init)
      if (returning) return returning
      const contract = contractOf(plans, input, init)
      return contract
        ? underContract(contract, init, (own, onAnswer) => send(input, own, otherClients, onAnswer))
        : send(input, init, otherClients)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const send = (
    input: FetchInput,
    init: CallInit | undefined,
    otherClients: OtherClients | undefined,
    onAnswer?: (response: Response) => void,
  ): Promise<Response> => {
    const target = resolveTarget(logical, plans, input, init)
    if (!target) return platform.fetch(input, init as RequestInit)
    refuseClosed()
    if (!hasFallback(target.plan)) return start(target, input, init, otherClients, onAnswer)
    const go = (own: CallInit | undefined): Promise<Response> =>
      start(target, input, own, otherClients, onAnswer)
    return withFallback(fallbackCall(core, target, input, init, go))
  }
  const start = (
    target: Target,
    input: FetchInput,
    init: CallInit | undefined,
    otherClients: OtherClients | undefined,
    onAnswer: ((response: Response) => void) | undefined,
  ): Promise<Response> => {
    const operation = new FetchOperation(core, platform, logical, target, input, init, otherClients)
    const answer = execute(core, operation)
    return onAnswer ? answer.then((response) => (onAnswer(response), response)) : answer
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= shutDown())
  const shutDown = async (): Promise<void> => {
    core.closed = new OutriggerError(
      'ERR_OUTRIGGER_CLOSED',
      `the client of ${service} is closed; make a new one`,
    )
    core.resume()
    for (const end of core.onClose) end()
    await core.discovery.close()
    await core.fleet.close(core.closed)
    for (const running of core.running) running.cut(core.closed)
  }

  const client: Client = Object.assign(
    (input: FetchInput, init?: CallInit): Promise<TypedResponse> => call(input, init),
    {
      request: <Opaque>(
        input: string,
        request: RequestOptions<Opaque> & RouteInit = {},
      ): Promise<Dispatcher.ResponseData<Opaque>> => {
        try {
          const target = resolveTarget(logical, plans, input, request)
          if (!target) throw new TypeError(`request() is for ${logical.origin}, got '${input}'`)
          refuseClosed()
          return execute(core, new RequestOperation<Opaque>(core, logical, target, request))
        } catch (error) {
          return Promise.reject(error)
        }
      },
      execute: async <T>(run: ExecuteFunction<T>, executeOptions: ExecuteOptions = {}): Promise<T> => {
        checkFunction('execute()', run)
        checkObject("execute()'s options", executeOptions, EXECUTE_OPTIONS)
        const { route } = executeOptions
        refuseClosed()
        const plan = route === undefined ? plans.base : plans.byKey(route).plan
        return execute(core, new ExecuteOperation(plan, run, executeOptions))
      },
      dispatcher: new AttemptDispatcher(core, plans, logical),
      ready: (readyOptions: ReadyOptions = {}) => ready(core, readyOptions),
      snapshot: () => takeSnapshot(core, plans, guards),
      on: <Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>) => {
        events.on(checkEventName(name), listener)
        return client
      },
      once: <Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>) => {
        events.once(checkEventName(name), listener)
        return client
      },
      off: <Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>) => {
        events.off(checkEventName(name), listener)
        return client
      },
      addListener: <Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>) =>
        client.on(name, listener),
      removeListener: <Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>) =>
        client.off(name, listener),
      close,
      [Symbol.asyncDispose]: close,
      [callWithin]: call,
    },
  )
  // Not in the context of whoever makes the client: what a source brings concerns no call.
  nobody.runInAsyncScope(() => core.discovery.start())
  return client
}
