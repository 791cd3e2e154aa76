import { quote } from '../options.ts'
import { isPlainObject } from '../registry/plain-data.ts'

export type Document = Readonly<Record<string, unknown>>

/** The maximum length of a document, in characters. */
const MAX_LENGTH = 1024 * 1024
/**
 * Only code may set which servers a client connects to and trusts. Otherwise, whoever can write the document
 * could redirect calls.
 */
const CODE_ONLY = ['allow', 'transport'] as const

/**
 * Parses a document. Throws if it contains something that a document may not contain. The target of the watch
 * checks the options.
 */
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
        throw new TypeError(`services['${name}'].source must be set in code, not in a document`)
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
  if (name) throw new TypeError(`${where}${name} must be set in code, not in a document`)
}
