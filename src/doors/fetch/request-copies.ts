import { headerOf, withContentLength } from '../../attempt/headers.ts'
import type { Dispatcher } from '../../undici.ts'

/** The longest body, in bytes, that is kept for another try. */
const MAX_LENGTH = 1024 * 1024

/**
 * A Request for more than one try. Its body is a stream, whatever it was made from, and can be read once: each try reads
 * a clone of its own. Only of a body that lies in memory does the platform know the length, and says it in a header;
 * a true stream is not kept, for a clone would collect all of it.
 */
export class Spare {
  /** Whether there is another one to send. */
  isKept = false
  #next: Request
  #spare: Request | undefined
  #isFirst = true
  readonly #length: string | undefined

  constructor(request: Request, spare: Request, length: string | undefined) {
    this.#next = request
    this.#spare = spare
    this.#length = length
  }

  /** The Request to send now. The first one is the caller's own, which is then used up, as with fetch. */
  take(): Request {
    const taken = this.#next
    if (!this.#isFirst && this.#spare) this.#spare = this.#next.clone()
    this.#isFirst = false
    if (this.#spare) this.#next = this.#spare
    return taken
  }

  /** Called with what the platform sends of it. Returns what is to be sent: with the Content-Length that the caller gave, if he gave one. */
  sent(options: Dispatcher.DispatchOptions): Dispatcher.DispatchOptions {
    this.#keep(options.headers)
    if (this.#length === undefined) return options
    return { ...options, headers: withContentLength(options.headers, this.#length) }
  }

  #keep(headers: Dispatcher.DispatchOptions['headers']): void {
    if (!this.#spare || this.isKept) return
    // Without the header, or with one that was not understood, NaN is not less.
    this.isKept = Number(headerOf(headers, 'content-length') ?? NaN) <= MAX_LENGTH
    if (this.isKept) return
    this.#spare.body?.cancel().catch(() => {})
    this.#spare = undefined
  }
}

/**
 * Undefined for a Request that cannot be sent again. `length` is the Content-Length that the caller gave: it says nothing about what the body
 * was made from, so the platform must be given the Request without it.
 */
export function spareOf(request: Request, length: string | undefined): Spare | undefined {
  if (!request.body || request.bodyUsed || request.body.locked) return undefined
  return new Spare(request, request.clone(), length)
}
