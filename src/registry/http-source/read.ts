import { readList } from '../listed.ts'
import type { Instance } from '../source.ts'
import { compileSelect } from './select.ts'

/** Your own way from a document to the instances of a service; throw for a document that is none. */
export type HttpDecode = (document: unknown, service: string) => readonly unknown[]

/** Turns a document into instances. What is no list is a failure, never an empty service. */
export type ReadDocument = (document: unknown, service: string) => readonly Instance[]

export function documentReader(select: string | undefined, decode: HttpDecode | undefined): ReadDocument {
  if (decode) return (document, service) => readList(checkList(decode(document, service)))
  const places = compileSelect(select ?? '$')
  return (document) => {
    const found = places(document)
    // A place that is not there may be a typo, or an error document under status 200.
    if (found.length === 0 && !(select ?? '').includes('*'))
      throw new TypeError(`http: nothing at ${select} in the answer`)
    const [only] = found
    // `$.data` is a list itself; `$.data[*].server` gives one.
    return readList(checkList((select ?? '').includes('*') ? found : only))
  }
}

function checkList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  // Only the kind: the answer may hold secrets.
  throw new TypeError(
    `http: the answer must be a list of instances, got ${value === null ? 'null' : typeof value}`,
  )
}
