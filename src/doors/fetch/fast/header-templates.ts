import type { Dispatcher } from '../../../undici.ts'
import { plainCall, type PlainCall } from './plain-call.ts'

/** Shapes of calls are few; of what has ever new names of headers, no more than this is kept. */
const MAX_TEMPLATES = 200

/** What the platform has shown of its ways with the calls of one client, by their shape. */
export class HeaderTemplates {
  readonly #templates = new Map<string, HeaderTemplate | null>()
  #bare: { readonly origin: string; readonly call: PlainCall | undefined } | undefined

  /** Null: it cannot be learned. Undefined: not known yet. */
  get({ key }: PlainCall): HeaderTemplate | null | undefined {
    return this.#templates.get(key)
  }

  /** A GET without an init. All of them are the same but for their path, so that one is made for all. */
  bareGet(origin: string): PlainCall | undefined {
    if (this.#bare?.origin !== origin) this.#bare = { origin, call: plainCall(origin, 'GET', {}) }
    return this.#bare.call
  }

  set({ key }: PlainCall, template: HeaderTemplate | undefined): void {
    if (this.#templates.size < MAX_TEMPLATES) this.#templates.set(key, template ?? null)
  }
}

/** A header as the platform sent it, and whose value it had: the caller's of that name, the length, or its own. */
interface Sent {
  readonly name: string
  readonly value: string
  readonly asked: string | undefined
}

/** The headers that the platform sent with a call, to be sent with the next of the same shape. */
export class HeaderTemplate {
  readonly type: Response['type']
  readonly #sent: readonly Sent[]
  /** All of them, if none depends on the call. */
  readonly #fixed: Readonly<Record<string, string>> | undefined

  private constructor(sent: readonly Sent[], type: Response['type']) {
    this.#sent = sent
    this.type = type
    const isFixed = sent.every(({ name, asked }) => asked === undefined && name !== 'content-length')
    this.#fixed = isFixed ? Object.fromEntries(sent.map(({ name, value }) => [name, value])) : undefined
  }

  /** Undefined if they are not what was asked for: then the platform has its reasons. */
  static learn(
    { headers, body, length }: PlainCall,
    sent: Dispatcher.DispatchOptions['headers'],
    type: Response['type'],
  ): HeaderTemplate | undefined {
    if (typeof sent !== 'object' || sent === null || Symbol.iterator in sent) return undefined
    // How the names of a Headers object are spelled is known to the platform alone; as others have them, they are sent.
    const askedBy = new Map([...headers.keys()].map((name) => [name.toLowerCase(), name]))
    const all: Sent[] = []
    for (const [name, value] of Object.entries(sent as Record<string, unknown>)) {
      if (typeof value !== 'string') return undefined
      const asked = askedBy.get(name.toLowerCase())
      if (asked !== undefined && headers.get(asked) !== value) return undefined
      if (asked !== undefined) askedBy.delete(name.toLowerCase())
      all.push({ name, value, asked })
    }
    const said = body === null ? undefined : String(length)
    const isWhole = askedBy.size === 0 && Reflect.get(sent, 'content-length') === said
    return isWhole ? new HeaderTemplate(all, type) : undefined
  }

  headersFor({ headers, length }: PlainCall): Readonly<Record<string, string>> {
    if (this.#fixed) return this.#fixed
    const own: Record<string, string> = {}
    for (const { name, value, asked } of this.#sent) {
      if (asked !== undefined) own[name] = headers.get(asked) ?? value
      else own[name] = name === 'content-length' ? String(length) : value
    }
    return own
  }
}
