import { checkHeaderName, quote } from '../options.ts'
import { pathOf } from '../url.ts'

/**
 * Left out of the key by default: the value is new for each request or trace, and by definition says nothing about
 * who is asking. `baggage` is not among them: it carries whatever its sender likes, identities included.
 */
const UNKEYED: readonly string[] = [
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
  /** More request headers that change nothing about the answer. All others tell requests apart. */
  ignoreHeaders?: readonly string[]
  /** Request headers that tell requests apart although they are left out by default, `'x-request-id'`. */
  keyHeaders?: readonly string[]
}

/** One request, as far as it tells which answer it gets. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** What else tells it from others. */
  readonly variant?: string
}

export interface RequestKey {
  readonly text: string
  /** Path and query: what an unsafe method on the same URL invalidates. */
  readonly path: string
}

/** What makes two requests the same: method, URL, headers, and what fetch was told besides. */
export class RequestKeys {
  readonly #ignored: ReadonlySet<string>

  /** @param name begins the errors about the options */
  constructor({ ignoreHeaders = [], keyHeaders = [] }: KeyOptions = {}, name = 'keys') {
    const kept = names(`${name}.keyHeaders`, keyHeaders)
    const ignored = names(`${name}.ignoreHeaders`, ignoreHeaders)
    const both = kept.find((header) => ignored.includes(header))
    if (both !== undefined) {
      throw new TypeError(`${name}.ignoreHeaders and ${name}.keyHeaders must differ, got '${both}' in both`)
    }
    this.#ignored = new Set([...UNKEYED.filter((header) => !kept.includes(header)), ...ignored])
  }

  /** Undefined for what is never the same: methods other than GET and HEAD, and what is no URL. */
  of({ method, url, headers, variant = '' }: Asked): RequestKey | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    const parsed = URL.parse(url)
    if (!parsed) return undefined
    // As JSON each part says where it ends: no value can be written so that it looks like two.
    const told = [...headers].filter(([header]) => !this.#ignored.has(header))
    const path = pathOf(parsed)
    return { text: JSON.stringify([method, parsed.origin, path, variant, told]), path }
  }

  /** True if the answer depends on nothing but the key (RFC 9110 §12.5.5). */
  covers(vary: string | null): boolean {
    if (vary === null) return true
    return vary.split(',').every((field) => {
      const header = field.trim().toLowerCase()
      return header !== '*' && !this.#ignored.has(header)
    })
  }
}

/** The path and query of a URL or a path, spelled as in a key; undefined for what is no URL. */
export function keyPath(path: string): string | undefined {
  const url = URL.parse(path, 'http://service')
  return url ? pathOf(url) : undefined
}

function names(name: string, list: unknown): string[] {
  if (!Array.isArray(list)) throw new TypeError(`${name} must be an array, got ${quote(list)}`)
  return list.map((header) => checkHeaderName(name, header))
}
