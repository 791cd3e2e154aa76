import { readList } from '../listed.ts'
import type { Instance } from '../source.ts'
import { compileSelect } from './select.ts'

/** Returns the instances of a service from a document. Throw if the document has the wrong form. */
export type HttpDecode = (document: unknown, service: string) => readonly unknown[]

/**
 * Turns a document into instances. Throws if the document is not a list, because that does not mean that a
 * service is empty.
 */
export type ReadDocument = (document: unknown, service: string) => readonly Instance[]

export function documentReader(select: string | undefined, decode: HttpDecode | undefined): ReadDocument {
  if (decode) return (document, service) => readList(checkList(decode(document, service)))
  const places = compileSelect(select ?? '$')
  return (document) => {
    const found = places(document)
    // If nothing is at `select`, it may have a typo, or the server may have sent an error document with status
    // 200.
    if (found.length === 0 && !(select ?? '').includes('*'))
      throw new TypeError(`http: nothing at ${select} in the answer`)
    const [only] = found
    // `$.data` is a list. `$.data[*].server` selects several values, which form the list.
    return readList(checkList((select ?? '').includes('*') ? found : only))
  }
}

function checkList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  // The message names only the type, because the answer may contain secrets.
  throw new TypeError(
    `http: the answer must be a list of instances, got ${value === null ? 'null' : typeof value}`,
  )
}
