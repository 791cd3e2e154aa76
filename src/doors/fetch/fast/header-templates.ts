import type { Dispatcher } from '../../../undici.ts'
import { plainCall, type PlainCall } from './plain-call.ts'

/** A client makes calls of few shapes. If the names of its headers always differ, only this many are kept. */
const MAX_TEMPLATES = 200

/** The headers that fetch has sent for the calls of one client, by the shape of the call. */
export class HeaderTemplates {
  readonly #templates = new Map<string, HeaderTemplate | null>()
  #bare: { readonly origin: string; readonly call: PlainCall | undefined } | undefined

  /** Returns null if the headers of such calls cannot be predicted, and undefined if they are not known yet. */
  get({ key }: PlainCall): HeaderTemplate | null | undefined {
    return this.#templates.get(key)
  }

  /** Returns the plain call of a GET without an init. It is the same for every path, so it is made once. */
  bareGet(origin: string): PlainCall | undefined {
    if (this.#bare?.origin !== origin) this.#bare = { origin, call: plainCall(origin, 'GET', {}) }
    return this.#bare.call
  }

  set({ key }: PlainCall, template: HeaderTemplate | undefined): void {
    if (this.#templates.size < MAX_TEMPLATES) this.#templates.set(key, template ?? null)
  }
}

/** A header that fetch has sent. `callersName` is its name in the caller's headers; undefined if fetch has added it. */
interface SentHeader {
  readonly name: string
  readonly value: string
  readonly callersName: string | undefined
}

/** The headers that fetch has sent with one call, to send with the next calls of the same shape. */
export class HeaderTemplate {
  readonly type: Response['type']
  readonly #sent: readonly SentHeader[]
  /** All headers, if none depends on the call. */
  readonly #fixed: Readonly<Record<string, string>> | undefined

  private constructor(sent: readonly SentHeader[], type: Response['type']) {
    this.#sent = sent
    this.type = type
    const isFixed = sent.every(
      ({ name, callersName }) => callersName === undefined && name !== 'content-length',
    )
    this.#fixed = isFixed ? Object.fromEntries(sent.map(({ name, value }) => [name, value])) : undefined
  }

  /** Returns undefined if fetch has sent other headers than the call has: then they cannot be predicted. */
  static learn(
    { headers, body, length }: PlainCall,
    sent: Dispatcher.DispatchOptions['headers'],
    type: Response['type'],
  ): HeaderTemplate | undefined {
    if (typeof sent !== 'object' || sent === null || Symbol.iterator in sent) return undefined
    // fetch decides how a name is spelled, so names are compared in lower case.
    const callersNames = new Map([...headers.keys()].map((name) => [name.toLowerCase(), name]))
    const all: SentHeader[] = []
    for (const [name, value] of Object.entries(sent as Record<string, unknown>)) {
      if (typeof value !== 'string') return undefined
      const callersName = callersNames.get(name.toLowerCase())
      if (callersName !== undefined && headers.get(callersName) !== value) return undefined
      if (callersName !== undefined) callersNames.delete(name.toLowerCase())
      all.push({ name, value, callersName })
    }
    const expectedLength = body === null ? undefined : String(length)
    const isWhole = callersNames.size === 0 && Reflect.get(sent, 'content-length') === expectedLength
    return isWhole ? new HeaderTemplate(all, type) : undefined
  }

  headersFor({ headers, length }: PlainCall): Readonly<Record<string, string>> {
    if (this.#fixed) return this.#fixed
    const result: Record<string, string> = {}
    for (const { name, value, callersName } of this.#sent) {
      if (callersName !== undefined) result[name] = headers.get(callersName) ?? value
      else result[name] = name === 'content-length' ? String(length) : value
    }
    return result
  }
}
