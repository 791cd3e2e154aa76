import { headerOf } from '../../attempt/headers.ts'
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

  constructor(request: Request, spare: Request) {
    this.#next = request
    this.#spare = spare
  }

  /** The Request to send now. The first one is the caller's own, which is then used up, as with fetch. */
  take(): Request {
    const taken = this.#next
    if (!this.#isFirst && this.#spare) this.#spare = this.#next.clone()
    this.#isFirst = false
    if (this.#spare) this.#next = this.#spare
    return taken
  }

  /** Called with the headers that the platform sends with it. */
  sent(headers: Dispatcher.DispatchOptions['headers']): void {
    if (!this.#spare || this.isKept) return
    // Without the header, or with one that was not understood, NaN is not less.
    this.isKept = Number(headerOf(headers, 'content-length') ?? NaN) <= MAX_LENGTH
    if (this.isKept) return
    this.#spare.body?.cancel().catch(() => {})
    this.#spare = undefined
  }
}

/** Undefined for a Request that cannot be sent again, or of which the platform would not say whether it can. */
export function spareOf(request: Request): Spare | undefined {
  // A content-length of the caller's own says nothing about what the body was made from.
  if (!request.body || request.bodyUsed || request.body.locked || request.headers.has('content-length')) {
    return undefined
  }
  return new Spare(request, request.clone())
}
