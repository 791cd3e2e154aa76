import { quote } from '../options.ts'
import { isPlainObject } from '../registry/plain-data.ts'

export type Document = Readonly<Record<string, unknown>>

/** Characters that a document may have. */
const MAX_LENGTH = 1024 * 1024
/** Whom a client may talk to, and whom it trusts, is for the code to say: whoever may write the document may not lead calls away. */
const CODE_ONLY = ['allow', 'transport'] as const

/** A document as it is written; throws for what may not stand in one. Its options are checked by who they are for. */
export function readDocument(text: unknown): Document {
  if (typeof text !== 'string') throw new TypeError(`a document must be text, got ${quote(text)}`)
  if (text.length > MAX_LENGTH) {
    throw new RangeError(`a document may have ${MAX_LENGTH} characters at most, got ${text.length}`)
  }
  const document = parse(text)
  if (!isPlainObject(document)) throw new TypeError(`a document must be an object, got ${quote(document)}`)
  const { $schema: _schema, ...options } = document
  refuseCodeOnly(options, '')
  const { defaults, services } = options
  if (isPlainObject(defaults)) refuseCodeOnly(defaults, 'defaults.')
  if (isPlainObject(services)) {
    for (const [name, service] of Object.entries(services)) {
      if (!isPlainObject(service)) continue
      refuseCodeOnly(service, `services['${name}'].`)
      if (Object.hasOwn(service, 'source'))
        throw new TypeError(`services['${name}'].source is for the code to say`)
    }
  }
  return options
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw new TypeError(`a document must be JSON`, { cause: error })
  }
}

function refuseCodeOnly(options: Document, where: string): void {
  const name = CODE_ONLY.find((each) => Object.hasOwn(options, each))
  if (name) throw new TypeError(`${where}${name} is for the code to say, not for a document`)
}
