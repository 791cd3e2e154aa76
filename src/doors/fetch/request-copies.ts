import { headerOf, withContentLength } from '../../attempt/headers.ts'
import type { Dispatcher } from '../../undici.ts'

/** The longest body, in bytes, that is kept for another try. */
const MAX_LENGTH = 1024 * 1024

/**
 * A Request for more than one try. Its body is a stream, whatever it was made from, and can be read once: each try reads
 * a clone of its own. Only of a body that lies in memory does the platform know the length, and says it in a header;
 * a true stream is not kept, for a clone would collect all of it.
 */
export class RequestCopies {
  /** Whether there is another one to send. */
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

  /** The Request to send now. The first one is the caller's own, which is then used up, as with fetch. */
  takeNext(): Request {
    const taken = this.#next
    if (!this.#isFirst && this.#copy) this.#copy = this.#next.clone()
    this.#isFirst = false
    if (this.#copy) this.#next = this.#copy
    return taken
  }

  /** Called with what the platform sends of it. Returns what is to be sent: with the Content-Length that the caller gave, if he gave one. */
  beforeSend(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
    this.#keepIfShort(options.headers)
    if (this.#length === undefined) return options
    return { ...options, headers: withContentLength(options.headers, this.#length) }
  }

  #keepIfShort(headers: Dispatcher.DispatchOptions['headers']): void {
    if (!this.#copy || this.hasCopy) return
    // Without the header, or with one that was not understood, NaN is not less.
    this.hasCopy = Number(headerOf(headers, 'content-length') ?? NaN) <= MAX_LENGTH
    if (this.hasCopy) return
    this.#copy.body?.cancel().catch(() => {})
    this.#copy = undefined
  }
}

/**
 * Undefined for a Request that cannot be sent again. `length` is the Content-Length that the caller gave: it says nothing about what the body
 * was made from, so the platform must be given the Request without it.
 */
export function requestCopies(request: Request, length: string | undefined): RequestCopies | undefined {
  if (!request.body || request.bodyUsed || request.body.locked) return undefined
  return new RequestCopies(request, request.clone(), length)
}
