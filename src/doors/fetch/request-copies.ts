import { headerOf, withContentLength } from '../../attempt/headers.ts'
import type { Dispatcher } from '../../undici.ts'

/** In bytes. A longer body is not kept for another try. */
const MAX_LENGTH = 1024 * 1024

/**
 * Lets a Request with a body be sent more than once. Its body is a stream, which can be read once, so each try sends
 * a clone. Only a body in memory is kept: the platform knows its length, and sends it in a header. A true stream is
 * not kept, because its clone would collect all data in memory.
 */
export class RequestCopies {
  /** True if there is a copy for another try. This is known once the first try was sent. */
  hasCopy = false
  #next: Request
  #copy: Request | undefined
  #isFirst = true
  readonly #length: string | undefined

  constructor(request: Request, copy: Request, length: string | undefined) {
    this.#next = request
    this.#copy = copy
    this.#length = length
  }

  /** Returns the Request to send now. The first one is the caller's own, whose body is used up then, as with fetch. */
  takeNext(): Request {
    const current = this.#next
    if (!this.#isFirst && this.#copy) this.#copy = this.#next.clone()
    this.#isFirst = false
    if (this.#copy) this.#next = this.#copy
    return current
  }

  /**
   * Called with what the platform sends for the Request. Returns what to send: with the Content-Length that the
   * caller gave, if there was one.
   */
  beforeSend(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
    this.#keepIfShort(options.headers)
    if (this.#length === undefined) return options
    return { ...options, headers: withContentLength(options.headers, this.#length) }
  }

  #keepIfShort(headers: Dispatcher.DispatchOptions['headers']): void {
    if (!this.#copy || this.hasCopy) return
    // If the header is missing or not a number, NaN makes this false.
    this.hasCopy = Number(headerOf(headers, 'content-length') ?? NaN) <= MAX_LENGTH
    if (this.hasCopy) return
    this.#copy.body?.cancel().catch(() => {})
    this.#copy = undefined
  }
}

/**
 * Returns undefined if the Request cannot be sent again. `length` is the Content-Length that the caller gave. It says
 * nothing about what the body was made from, so the platform must get the Request without it.
 */
export function copiesOf(request: Request, length: string | undefined): RequestCopies | undefined {
  if (!request.body || request.bodyUsed || request.body.locked) return undefined
  return new RequestCopies(request, request.clone(), length)
}
