/**
 * Headers that differ from request to request and change nothing about the answer. All others are part of the
 * key: nobody can list the headers that say who is asking, and one user's answer must never reach another.
 */
const NOISE: readonly string[] = [
  'traceparent',
  'tracestate',
  'baggage',
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

/** What makes two requests the same: method, URL and headers. */
export class RequestKeys {
  readonly #ignored: ReadonlySet<string>

  /** @param ignore more headers, in lower case, that change nothing about the answer */
  constructor(ignore: readonly string[] = []) {
    this.#ignored = new Set([...NOISE, ...ignore])
  }

  /** Undefined for methods other than GET and HEAD, whose requests are never the same. */
  of(method: string, url: string, headers: Headers): string | undefined {
    if (method !== 'GET' && method !== 'HEAD') return undefined
    let key = `${method} ${url}`
    // Headers are iterated in sorted order, and none holds a line break.
    for (const [name, value] of headers) if (!this.#ignored.has(name)) key += `\n${name}: ${value}`
    return key
  }

  /** True if the answer depends on nothing but the key (RFC 9110 §12.5.5). */
  covers(vary: string | null): boolean {
    if (vary === null) return true
    return vary.split(',').every((field) => {
      const name = field.trim().toLowerCase()
      return name !== '*' && !this.#ignored.has(name)
    })
  }
}
