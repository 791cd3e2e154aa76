import { plainCall, type PlainCall, type SentHeaders } from './plain-call.ts'

/** Shapes of calls are few; of what has ever new names of headers, no more than this is kept. */
const MOST = 200

/** What the platform has shown of its ways with the calls of one client, by their shape. */
export class Learned {
  readonly #sent = new Map<string, SentHeaders | null>()
  #bare: { readonly origin: string; readonly call: PlainCall | undefined } | undefined

  /** Null: it cannot be learned. Undefined: not known yet. */
  of({ key }: PlainCall): SentHeaders | null | undefined {
    return this.#sent.get(key)
  }

  /** A GET without an init. All of them are the same but for their path, so that one is made for all. */
  bare(origin: string): PlainCall | undefined {
    if (this.#bare?.origin !== origin) this.#bare = { origin, call: plainCall(origin, 'GET', {}) }
    return this.#bare.call
  }

  keep({ key }: PlainCall, sent: SentHeaders | undefined): void {
    if (this.#sent.size < MOST) this.#sent.set(key, sent ?? null)
  }
}
