import { checkScheme } from '../../attempt/address.ts'
import type { Exchange } from '../../attempt/exchange.ts'
import { checkPlainHeaders, copyPlainHeaders, headerOf } from '../../attempt/headers.ts'
import type { Core } from '../../call/core.ts'
import type { Operation, Receiver, SendContext, Sending } from '../../call/operation.ts'
import type { Plan } from '../../call/plan.ts'
import type { Attempt } from '../../fleet/attempt.ts'
import { checkPriority, type Priority } from '../../limit/priority.ts'
import { checkSignal } from '../../options.ts'
import { Dispatcher } from '../../undici.ts'
import { isReplayable } from '../../verdict/again.ts'
import type { Verdict } from '../../verdict/verdict.ts'
import { copyBody } from '../input/copy.ts'
import { createExchange, moveUnsent } from '../sending/attempt.ts'
import { mirrorRequest } from '../sending/mirror.ts'
import { isIdempotentCall } from '../plan/idempotent.ts'
import type { Logical, Target } from '../plan/target.ts'

/**
 * The options of `client.request()`: those of undici's `request`, except the ones that the path and the client
 * decide.
 */
export type RequestOptions<Opaque = null> = Omit<
  Dispatcher.RequestOptions<Opaque>,
  'origin' | 'path' | 'method' | 'signal' | 'query'
> & {
  method?: Dispatcher.HttpMethod
  signal?: AbortSignal
  /** The importance of the call: if there are too many, less important ones are refused first. @default the route's */
  priority?: Priority
  /** Set by `withDeadline()`: the time by which the request that this call serves must be answered. */
  deadline?: number
}

type AddressableOptions = Omit<Dispatcher.RequestOptions<unknown>, 'origin' | 'query'> & { query: undefined }

/** undici's `request` with a callback: it makes no promise, and needs only the method `dispatch` of its dispatcher. */
const { request: requestWith } = Dispatcher.prototype as unknown as {
  request: (
    this: Pick<Dispatcher, 'dispatch'>,
    options: AddressableOptions,
    callback: (error: Error | null, data: Dispatcher.ResponseData<unknown>) => void,
  ) => void
}

/** A call through undici's `request`. It gives undici's native result, and does not pay for fetch's streams. */
export class RequestOperation<Opaque> implements Operation<Dispatcher.ResponseData<Opaque>> {
  readonly plan: Plan
  readonly door = 'request'
  readonly method: string
  readonly path: string
  readonly signal: AbortSignal | undefined
  readonly deadline: number | undefined
  readonly replayable: boolean
  readonly idempotent: boolean
  readonly priority: Priority
  readonly #core: Core
  readonly #options: AddressableOptions
  readonly #logical: Logical
  readonly #origin: string

  constructor(core: Core, logical: Logical, target: Target, options: RequestOptions<Opaque>) {
    this.plan = target.plan
    this.method = target.method
    this.path = target.path
    if ('json' in options)
      throw new TypeError('request() has no option json: pass JSON.stringify(json) as body')
    const { deadline, headers, priority = this.plan.priority, signal } = options
    checkPlainHeaders(headers)
    this.signal = checkSignal(signal)
    this.replayable = isReplayable(options.body)
    this.#core = core
    this.deadline = deadline
    this.priority = checkPriority('priority', priority)
    // `path` contains the query already. Headers and bytes are those at the time of the call, as with undici's
    // `request`.
    this.#options = {
      ...options,
      headers: copyPlainHeaders(headers),
      body: copyBody(options.body) ?? null,
      query: undefined,
      method: this.method,
      path: this.path,
    }
    this.#logical = logical
    this.#origin = target.origin
    this.idempotent = isIdempotentCall(this)
  }

  header(name: string): string | undefined {
    return headerOf(this.#options.headers, name)
  }

  discard({ body }: Dispatcher.ResponseData<Opaque>): void {
    body.dump().catch(() => {})
  }

  send(attempt: Attempt, context: SendContext, receiver: Receiver<Dispatcher.ResponseData<Opaque>>): Sending {
    const options = { abortable: this.signal !== undefined }
    const exchangeOf = (next: Attempt, handOverUnsent: HandOverUnsent): Exchange => {
      checkScheme(this.#origin, next)
      return createExchange(this.#core, this.plan, next, this.#logical, context, {
        ...options,
        handOverUnsent,
      })
    }
    const onSent =
      this.plan.mirror && ((sent: Dispatcher.DispatchOptions) => this.#mirror(attempt, sent, context))
    const transfer = new RequestTransfer(attempt, receiver, exchangeOf, onSent)
    requestWith.call(transfer, this.#options, (error, data) => {
      if (error) receiver.rejected(transfer.refusal ?? error)
      else receiver.resolved(data as Dispatcher.ResponseData<Opaque>)
    })
    return transfer
  }

  #mirror(attempt: Attempt, options: Dispatcher.DispatchOptions, context: SendContext): void {
    const [origin, logical] = [this.#origin, this.#logical]
    mirrorRequest(this.#core, this.plan, {
      attempt,
      options,
      origin,
      logical,
      priority: this.priority,
      context,
    })
  }
}

type HandOverUnsent = (error: Error) => boolean

/** One try of a call. If the first attempt cannot send the request, another attempt sends it. */
class RequestTransfer implements Sending, Pick<Dispatcher, 'dispatch'> {
  /** Why another attempt could not send the request that was not sent. undici reports the error of the first attempt. */
  refusal: unknown
  #exchange: Exchange
  readonly #onSent: ((options: Dispatcher.DispatchOptions) => void) | undefined

  constructor(
    attempt: Attempt,
    receiver: Receiver<unknown>,
    exchangeOf: (attempt: Attempt, handOverUnsent: HandOverUnsent) => Exchange,
    onSent: ((options: Dispatcher.DispatchOptions) => void) | undefined,
  ) {
    this.#onSent = onSent
    const handOverUnsent = (error: Error): boolean =>
      moveUnsent(
        receiver,
        error,
        (next) => this.#continueWith(exchangeOf(next, handOverUnsent)),
        (refusal) => (this.refusal = refusal),
      )
    this.#exchange = exchangeOf(attempt, handOverUnsent)
  }

  /** Sends the request with another attempt, because nothing of it was sent. */
  #continueWith(next: Exchange): void {
    const previous = this.#exchange
    this.#exchange = next
    previous.handOver(next)
  }

  get sent(): boolean {
    return this.#exchange.sent
  }

  get queuedUntil(): number {
    return this.#exchange.queuedUntil
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const mayDispatchMore = this.#exchange.dispatch(options, handler)
    this.#onSent?.(options)
    return mayDispatchMore
  }

  abort(reason: Error): void {
    this.#exchange.abort(reason)
  }

  abortAtLimit(reason: Error, verdict: Verdict): void {
    this.#exchange.abortAtLimit(reason, verdict)
  }
}
