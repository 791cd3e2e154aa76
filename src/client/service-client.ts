import { Platform } from '../attempt/platform.ts'
import { execute } from '../call/execute.ts'
import type { Hand } from '../control/hand.ts'
import { contractOf, callWithContract } from '../doors/fetch/contract.ts'
import { AttemptDispatcher } from '../doors/dispatcher/dispatcher.ts'
import {
  EXECUTE_OPTIONS,
  ExecuteOperation,
  type ExecuteFunction,
  type ExecuteOptions,
} from '../doors/execute/operation.ts'
import { fallbackCall, hasFallback, withFallback } from '../doors/fetch/fallback.ts'
import { withMaxSize } from '../doors/fetch/max-size.ts'
import { HeaderTemplates } from '../doors/fetch/fast/header-templates.ts'
import { FetchOperation } from '../doors/fetch/operation.ts'
import type { OtherClients } from '../doors/fetch/transfer.ts'
import { RequestOperation, type RequestOptions } from '../doors/request/operation.ts'
import { readInit, refuseDispatcher, refusePrimitive } from '../doors/input/call-init.ts'
import { discardBody, discardInput, holdsResource } from '../doors/input/discard-body.ts'
import {
  anotherHost,
  isOwnInput,
  logicalAddress,
  resolveTarget,
  type Logical,
  type Target,
} from '../doors/plan/target.ts'
import { OutriggerError } from '../errors.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { Listener } from '../observe/emitter.ts'
import { checkEventName } from '../observe/event-names.ts'
import type { ClientEvents } from '../observe/events.ts'
import { checkFunction, checkObject } from '../options.ts'
import type { Dispatcher } from '../undici.ts'
import type { RouteInit } from './client.ts'
import { compilePlans } from './compile.ts'
import { Configuration } from './configuration.ts'
import { createCore, type ClientCore } from './core.ts'
import { explainCall } from './explain-call.ts'
import type { ClientOptions } from './options.ts'
import { ready, type ReadyOptions } from './ready.ts'
import { takeSnapshot, type ClientSnapshot } from './snapshot.ts'
import type { CallInit, FetchInput } from '../typed/call-input.ts'

type OnAnswer = (response: Response) => void

/** The implementation of a client: its state, and a method for each door. */
export class ServiceClient {
  readonly core: ClientCore
  readonly configuration: Configuration
  readonly dispatcher: Dispatcher
  #closing: Promise<void> | undefined
  readonly #logical: Logical
  readonly #platform = new Platform()
  readonly #headerTemplates = new HeaderTemplates()

  /** `options` must have been checked. */
  constructor(options: ClientOptions) {
    this.#logical = logicalAddress(options.service)
    const compiled = compilePlans(options)
    this.core = createCore(options, compiled)
    this.configuration = new Configuration(options, compiled, this.core)
    this.dispatcher = new AttemptDispatcher(this.core, this.configuration, this.#logical)
  }

  /** The fetch door. It is not async, because that would cost two more promises. */
  call(input: FetchInput, given?: CallInit, otherClients?: OtherClients): Promise<Response> {
    try {
      const returned = this.#platform.fetchIfReturned(input, given)
      if (returned) return returned
      refusePrimitive(given)
      const init = readInit(given, isOwnInput(input))
      const contract = contractOf(this.configuration.plans, input, init)
      if (!contract) return this.#send(input, init, otherClients, undefined, given)
      const send = (own: CallInit, onAnswer: OnAnswer) => this.#send(input, own, otherClients, onAnswer)
      return callWithContract(this.core, contract, init, send)
    } catch (error) {
      discardInput(input, given, error)
      return Promise.reject(error)
    }
  }

  request<Opaque>(
    input: string,
    options: RequestOptions<Opaque> & RouteInit = {},
  ): Promise<Dispatcher.ResponseData<Opaque>> {
    try {
      const target = resolveTarget(this.#logical, this.configuration.plans, input, options)
      if (!target) throw anotherHost('request()', this.#logical, input)
      this.#refuseClosed()
      const operation = new RequestOperation<Opaque>(this.core, this.#logical, target, options)
      const answer = execute(this.core, operation)
      if (holdsResource(options.body)) answer.catch((error) => discardBody(options.body, error))
      return answer
    } catch (error) {
      discardInput(undefined, options, error)
      return Promise.reject(error)
    }
  }

  async execute<T>(run: ExecuteFunction<T>, options: ExecuteOptions = {}): Promise<T> {
    checkFunction('execute()', run)
    checkObject("execute()'s options", options, EXECUTE_OPTIONS)
    const { route } = options
    this.#refuseClosed()
    const plan =
      route === undefined ? this.configuration.plans.base : this.configuration.plans.byKey(route).plan
    return execute(this.core, new ExecuteOperation(plan, run, options))
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return ready(this.core, options)
  }

  /** What operators do by hand. */
  get byHand(): Hand {
    this.#refuseClosed()
    return this.core.hand
  }

  snapshot(): ClientSnapshot {
    return takeSnapshot(this.core, this.configuration.plans, this.configuration.guards)
  }

  explain(target?: FetchInput, init?: Pick<CallInit, 'method' | 'headers'>): Explanation {
    return explainCall(this.core, this.configuration, this.#logical, target, init)
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): void {
    this.core.events.on(checkEventName(name), listener)
  }

  once<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): void {
    this.core.events.once(checkEventName(name), listener)
  }

  off<Name extends keyof ClientEvents>(name: Name, listener?: Listener<ClientEvents[Name]>): void {
    this.core.events.off(checkEventName(name), listener)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  /**
   * 1. Rejects new calls and calls that wait. Ends the pauses before retries, health checks, and the watching of documents.
   * 2. Ends copies.
   * 3. Stops the source. Waits for its end, with a limit.
   * 4. Gives requests in flight `drainTimeout` to end, then destroys the pools.
   * 5. Ends calls that still run user code: destroying the pools does not end these.
   */
  async #shutDown(): Promise<void> {
    const { core } = this
    core.closeError = new OutriggerError(
      'ERR_OUTRIGGER_CLOSED',
      `the client of ${core.service} is closed; make a new one`,
    )
    core.resume()
    for (const end of core.onClose) end()
    const mirroring = core.mirroring.close(core.closeError)
    await core.discovery.close()
    await core.fleet.close(core.closeError)
    await mirroring
    for (const running of core.running) running.abort(core.closeError)
  }

  #refuseClosed(): void {
    if (this.core.closeError) throw this.core.closeError
  }

  #send(
    input: FetchInput,
    init: CallInit | undefined,
    otherClients: OtherClients | undefined,
    onAnswer?: OnAnswer,
    given: CallInit | undefined = init,
  ): Promise<Response> {
    const target = resolveTarget(this.#logical, this.configuration.plans, input, init)
    if (!target) return this.#platform.fetch(input, given as RequestInit)
    refuseDispatcher(init, target.origin)
    this.#refuseClosed()
    if (!hasFallback(target.plan)) return this.#start(target, input, init, otherClients, onAnswer)
    const go = (own: CallInit | undefined, leaving?: AbortSignal): Promise<Response> =>
      this.#start(target, input, own, otherClients, onAnswer, leaving)
    return withFallback(fallbackCall(this.core, target, input, init, go))
  }

  #start(
    target: Target,
    input: FetchInput,
    init: CallInit | undefined,
    otherClients: OtherClients | undefined,
    onAnswer: OnAnswer | undefined,
    leaving?: AbortSignal,
  ): Promise<Response> {
    const { core } = this
    const operation = new FetchOperation(
      core,
      this.#platform,
      this.#logical,
      target,
      input,
      init,
      otherClients,
      this.configuration.usesFastPath ? this.#headerTemplates : undefined,
      leaving,
    )
    const sent = operation.sendOrRefuse(execute)
    const { maxResponseSize } = this.configuration
    const answer = maxResponseSize === undefined ? sent : withMaxSize(sent, maxResponseSize)
    return onAnswer ? answer.then((response) => (onAnswer(response), response)) : answer
  }
}
