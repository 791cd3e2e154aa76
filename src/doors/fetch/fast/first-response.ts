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

/** Statuses with which fetch does more than pass on what came. */
const SPECIAL_STATUSES: ReadonlySet<number> = new Set([205, 401, 407, 421])

/** Characters of a reason phrase that `Response` takes. */
const PHRASE = /^[\x20-\x7e]*$/

/**
 * Hears the answer to a request of ours, and says who makes the Response. A plain answer is ours. Of any other, and of an
 * error, the platform's fetch hears from the start, as if it had sent the request itself.
 */
export class FirstResponse implements Handler {
  /** True if the answer is plain. It resolves in the async context of whoever waits for it. */
  readonly isPlain: Promise<boolean>
  #decide: ((isPlain: boolean) => void) | undefined
  readonly #body = new AnswerBody()
  /** Whoever hears what comes. */
  #destination: 'us' | Handler | undefined
  /** How the request began, for fetch to hear of it. */
  #controller: Controller | undefined
  #context: unknown
  #hasStarted = false
  /** What else fetch has missed. */
  #missedCalls: HandlerCall[] | undefined
  /** The answer is fetch's, and more of it may come. */
  #belongsToFetch = false
  #head: Head | undefined
  /** The body of an encoded answer, as far as it has come. */
  #encoded: Buffer[] | undefined
  #isEnded = false

  readonly #method: string
  readonly #sentAt = systemClock.now()
  #answeredAt = 0

  constructor(method: string) {
    this.#method = method
    this.isPlain = new Promise((resolve) => (this.#decide = resolve))
  }

  /** The answer as a Response, if it is plain. */
  response(url: string, type: Response['type'], signal: AbortSignal | undefined): Response {
    if (!this.#head) throw new Error('there is no answer yet')
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

  /** Tells fetch's own handler all that it has missed, and from now on what comes. */
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
      // A short body has come with its head: it is heard in the same turn, or not yet.
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

  /** As fetch finds them: what has no body has no codings. */
  #codingsOf({ status, headers }: Head): readonly string[] | undefined {
    return codingsOf(this.#hasBody(status) ? headers['content-encoding'] : undefined)
  }

  /** An encoded answer of which all has come is ours if it is short and not broken. */
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

  /** The answer is ours. */
  #keep(controller: Controller, head: Head): void {
    this.#destination = 'us'
    this.#missedCalls = this.#controller = undefined
    this.#answeredAt = systemClock.now()
    this.#head = head
    this.#body.begin(controller)
    this.#decidePlain(true)
  }

  /** The answer is fetch's, which hears the rest when it is there. */
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

/** Nothing to follow or to ask again. */
function isPlainAnswer(
  { rawHeaders }: Controller & { rawHeaders?: unknown },
  { status, headers, message }: Head,
): boolean {
  const isUsual = (status >= 200 && status < 300) || (status >= 400 && status < 600)
  // Over HTTP/2, undici hands on what it got. Of neither, fetch reads other headers than we would.
  const isReadAlike = Array.isArray(rawHeaders) || rawHeaders === headers
  if (!isUsual || SPECIAL_STATUSES.has(status) || !isReadAlike) return false
  return PHRASE.test(message) && arePlain(headers)
}

/** Below the platform's fetch: its first request is the one that has been answered, redirects are sent. */
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

/** Below the platform's fetch: notes how it sends its first request. */
export class RecordingDispatcher extends OwnDispatcher {
  first: Dispatcher.DispatchOptions | undefined
  /** Redirects that were followed. */
  more = 0
  readonly #next: FetchDispatcher

  constructor(next: FetchDispatcher) {
    super()
    this.#next = next
  }

  /** KeyedRequest by fetch, see Transfer. */
  get isMockActive(): boolean {
    return this.#next.isMockActive === true
  }

  protected send(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    if (this.first) this.more++
    else this.first = options
    return this.#next.dispatch(options, handler)
  }
}
