import { checkHeaderName, quote } from '../options.ts'
import { pathOf } from '../url.ts'

/**
 * Headers that are not part of the key by default. Their values differ for each request or trace, and by definition
 * tell nothing about the caller. `baggage` is not in the list, because it may contain anything, including an identity.
 */
const HEADERS_NOT_IN_KEY: readonly string[] = [
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'x-request-id',
  'x-correlation-id',
]

export interface KeyOptions {
  /** More request headers that do not change the response. All other headers are part of the key. */
  ignoreHeaders?: readonly string[]
  /** Request headers that are part of the key although they are left out by default, such as `'x-request-id'`. */
  keyHeaders?: readonly string[]
}

/** The parts of a request that decide which response it gets. */
export interface KeyedRequest {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** What else makes the request different from others. */
  readonly variant?: string
}

export interface RequestKey {
  readonly text: string
  /** Path and query. An unsafe method on the same path makes the entry invalid. */
  readonly path: string
}

/** Computes the key of a request: its method, URL, headers, and what else was passed to fetch. */
export class RequestKeys {
  readonly #ignored: ReadonlySet<string>

  /** @param name the prefix of error messages about the options */
  constructor({ ignoreHeaders = [], keyHeaders = [] }: KeyOptions = {}, name = 'keys') {
    const kept = names(`${name}.keyHeaders`, keyHeaders)
    const ignored = names(`${name}.ignoreHeaders`, ignoreHeaders)
    const both = kept.find((header) => ignored.includes(header))
    if (both !== undefined) {
      throw new TypeError(`${name}.ignoreHeaders and ${name}.keyHeaders must differ, got '${both}' in both`)
    }
    this.#ignored = new Set([...HEADERS_NOT_IN_KEY.filter((header) => !kept.includes(header)), ...ignored])
  }

  /** Returns undefined for methods other than GET and HEAD, and for an invalid URL. */
  of({ method, url, headers, variant = '' }: KeyedRequest): RequestKey | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    const parsed = URL.parse(url)
    if (!parsed) return undefined
    // In JSON each part has a clear end. So no value can look like two parts.
    const keyed = [...headers].filter(([header]) => !this.#ignored.has(header))
    const path = pathOf(parsed)
    return { text: JSON.stringify([method, parsed.origin, path, variant, keyed]), path }
  }

  /** True if the response depends only on request headers that are part of the key (RFC 9110, section 12.5.5). */
  covers(vary: string | null): boolean {
    if (vary === null) return true
    return vary.split(',').every((field) => {
      const header = field.trim().toLowerCase()
      return header !== '*' && !this.#ignored.has(header)
    })
  }
}

/** Returns the path and query of a URL or a path, as in a key. Undefined if it is not valid. */
export function keyPath(path: string): string | undefined {
  const url = URL.parse(path, 'http://service')
  return url ? pathOf(url) : undefined
}

function names(name: string, list: unknown): string[] {
  if (!Array.isArray(list)) throw new TypeError(`${name} must be an array, got ${quote(list)}`)
  return list.map((header) => checkHeaderName(name, header))
}
