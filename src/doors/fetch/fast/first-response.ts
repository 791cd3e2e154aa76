import { systemClock } from '../../../clock.ts'
import { OwnDispatcher, type FetchDispatcher } from '../../../attempt/platform.ts'
import { AnswerBody } from '../../../response/answer-body.ts'
import { arePlain } from '../../../response/fetched-headers.ts'
import { ResourceTiming } from '../../../response/resource-timing.ts'
import { lazyResponse } from '../../../response/lazy-response.ts'
import { wrapHandler, type Dispatcher } from '../../../undici.ts'
import { codingsOf, decodeBody } from './decode-body.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type HandlerCall = (handler: Handler) => void

interface Head {
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly message: string
}

/** Statuses for which fetch does more than pass the response on. */
const SPECIAL_STATUSES: ReadonlySet<number> = new Set([205, 401, 407, 421])

/** The characters of a reason phrase that `Response` accepts. */
const PHRASE = /^[\x20-\x7e]*$/

/**
 * Receives the response to a request of the fast path, and decides who makes the Response. This client makes it if
 * the response is plain. For any other response, and for an error, the platform's fetch makes it: its handler gets
 * all calls from the start, as if fetch had sent the request.
 */
export class FirstResponse implements Handler {
  /** Resolves to true if the response is plain, in the async context of the code that awaits it. */
  readonly isPlain: Promise<boolean>
  #decide: ((isPlain: boolean) => void) | undefined
  readonly #body = new AnswerBody()
  /** Where data goes: to this client, or to fetch's handler. Undefined until this is decided. */
  #destination: 'us' | Handler | undefined
  /** The arguments of `onRequestStart`, to call fetch's handler with. */
  #controller: Controller | undefined
  #context: unknown
  #hasStarted = false
  /** Further calls to make to fetch's handler. */
  #missedCalls: HandlerCall[] | undefined
  /** True if fetch makes the Response. More data may come. */
  #belongsToFetch = false
  #head: Head | undefined
  /** The encoded body, as far as it has arrived. */
  #encoded: Buffer[] | undefined
  #isEnded = false

  readonly #method: string
  readonly #sentAt = systemClock.now()
  #answeredAt = 0

  constructor(method: string) {
    this.#method = method
    this.isPlain = new Promise((resolve) => (this.#decide = resolve))
  }

  /** Returns the Response. Throws if the response is not plain. */
  response(url: string, type: Response['type'], signal: AbortSignal | undefined): Response {
    if (!this.#head) throw new Error('there is no response yet')
    const { status, headers, message } = this.#head
    const body = this.#hasBody(status) ? this.#body : undefined
    if (signal) body?.abortWith(signal)
    const timing = new ResourceTiming(url, status, this.#sentAt, this.#answeredAt)
    if (body) body.timing = timing
    else timing.add(0, 0)
    return lazyResponse({
      status,
      statusText: message,
      headers,
      body,
      url,
      type,
    })
  }

  /** Makes all calls to fetch's handler that it has missed, synchronously, and from now on passes further calls on. */
  passTo(handler: Handler): void {
    const inner = typeof handler.onRequestStart === 'function' ? handler : wrapHandler(handler)
    this.#destination = inner
    if (this.#controller) inner.onRequestStart?.(this.#controller, this.#context)
    if (this.#hasStarted) inner.onResponseStarted?.()
    for (const call of this.#missedCalls ?? []) call(inner)
    this.#missedCalls = undefined
    if (this.#belongsToFetch && !this.#isEnded) this.#controller?.resume()
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#controller = controller
    this.#context = context
  }

  onRequestUpgrade(...args: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.#forward((handler) => handler.onRequestUpgrade?.(...args))
    this.#decidePlain(false)
  }

  onResponseStarted(): void {
    this.#hasStarted = true
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[]>,
    message = '',
  ): void {
    const head = { status, headers, message }
    const isPlain = this.#destination === undefined && isPlainAnswer(controller, head)
    const codings = isPlain ? this.#codingsOf(head) : undefined
    if (codings?.length === 0) {
      this.#keep(controller, head)
      return
    }
    this.#forward((handler) => handler.onResponseStart?.(controller, status, headers, message))
    if (this.#destination !== undefined || status < 200) return
    if (codings) {
      this.#encoded = []
      // If the body is short, undici delivers it right after the headers. If it has not ended by the microtask, fetch
      // gets it.
      queueMicrotask(() => this.#decode(controller, head, codings))
    } else this.#leaveToFetch(controller)
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    this.#encoded?.push(piece)
    if (this.#destination === 'us') this.#body.add(piece)
    else this.#forward((handler) => handler.onResponseData?.(controller, piece))
  }

  onResponseEnd(controller: Controller, trailers: Record<string, string | string[]>): void {
    this.#isEnded = true
    if (this.#destination === 'us') this.#body.end()
    else this.#forward((handler) => handler.onResponseEnd?.(controller, trailers))
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#destination === 'us') {
      this.#body.fail(error)
      return
    }
    this.#isEnded = true
    this.#forward((handler) => handler.onResponseError?.(controller, error))
    this.#decidePlain(false)
  }

  #hasBody(status: number): boolean {
    return this.#method !== 'HEAD' && status !== 204
  }

  /** Returns the codings that fetch would decode. A response without a body has none. */
  #codingsOf({ status, headers }: Head): readonly string[] | undefined {
    return codingsOf(this.#hasBody(status) ? headers['content-encoding'] : undefined)
  }

  /** Keeps an encoded response if all of it has arrived, and it is short and not broken. Leaves any other to fetch. */
  #decode(controller: Controller, head: Head, codings: readonly string[]): void {
    const encoded = Buffer.concat(this.#encoded ?? [])
    this.#encoded = undefined
    const body = this.#isEnded ? decodeBody(codings, encoded) : undefined
    if (body === undefined) {
      this.#leaveToFetch(controller)
      return
    }
    this.#keep(controller, head)
    this.#body.add(body, encoded.length)
    this.#body.end()
  }

  /** This client makes the Response. */
  #keep(controller: Controller, head: Head): void {
    this.#destination = 'us'
    this.#missedCalls = this.#controller = undefined
    this.#answeredAt = systemClock.now()
    this.#head = head
    this.#body.begin(controller)
    this.#decidePlain(true)
  }

  /** fetch makes the Response. The rest of the body waits for fetch's handler. */
  #leaveToFetch(controller: Controller): void {
    this.#belongsToFetch = true
    if (!this.#isEnded) controller.pause()
    this.#decidePlain(false)
  }

  #forward(call: HandlerCall): void {
    if (this.#destination === undefined) (this.#missedCalls ??= []).push(call)
    else if (this.#destination !== 'us') call(this.#destination)
  }

  #decidePlain(isPlain: boolean): void {
    this.#decide?.(isPlain)
    this.#decide = undefined
  }
}

/** True if fetch would neither follow the response nor send the request again. */
function isPlainAnswer(
  { rawHeaders }: Controller & { rawHeaders?: unknown },
  { status, headers, message }: Head,
): boolean {
  const isUsual = (status >= 200 && status < 300) || (status >= 400 && status < 600)
  // fetch reads `rawHeaders`: an array, or over HTTP/2 the same object as `headers`. With anything else it could see
  // other headers than this client.
  const isReadAlike = Array.isArray(rawHeaders) || rawHeaders === headers
  if (!isUsual || SPECIAL_STATUSES.has(status) || !isReadAlike) return false
  return PHRASE.test(message) && arePlain(headers)
}

/**
 * The dispatcher below the platform's fetch. It gives fetch's first request the response that has arrived, and sends
 * redirects.
 */
export class ReplayDispatcher extends OwnDispatcher {
  readonly #answer: FirstResponse
  readonly #next: FetchDispatcher
  #isReplayed = false

  constructor(answer: FirstResponse, next: FetchDispatcher) {
    super()
    this.#answer = answer
    this.#next = next
  }

  protected send(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    if (this.#isReplayed) return this.#next.dispatch(options, handler)
    this.#isReplayed = true
    this.#answer.passTo(handler)
    return true
  }
}

/** The dispatcher below the platform's fetch. It records how fetch sends its first request. */
export class RecordingDispatcher extends OwnDispatcher {
  first: Dispatcher.DispatchOptions | undefined
  /** The number of redirects that fetch has followed. */
  redirects = 0
  readonly #next: FetchDispatcher

  constructor(next: FetchDispatcher) {
    super()
    this.#next = next
  }

  /** Read by fetch. See `FetchTransfer`. */
  get isMockActive(): boolean {
    return this.#next.isMockActive === true
  }

  protected send(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    if (this.first) this.redirects++
    else this.first = options
    return this.#next.dispatch(options, handler)
  }
}
