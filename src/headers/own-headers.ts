import { checkRecord, quote } from '../options.ts'

/** The request for which headers are needed. */
export interface HeaderRequest {
  readonly service: string
  readonly route: string | undefined
  readonly method: string | undefined
  readonly path: string | undefined
  /** The number of the try, counted from 1. */
  readonly attempt: number
}

type Values = Readonly<Record<string, string | undefined>>

/**
 * Headers to send with every request: an object, or a function that is called before each try. The function may return
 * a promise, for example to renew a token.
 */
export type OwnHeaders =
  | Values
  | ((request: HeaderRequest) => Values | Headers | PromiseLike<Values | Headers>)

/** A token (RFC 9110, section 5.6.2). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
/** The characters that a field value must not contain (RFC 9110, section 5.5). */
const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

type LowerCaseHeaders = Readonly<Record<string, string>>

/** The headers of the client and of the route. The route's headers replace the client's. Names are in lower case. */
export interface HeaderSource {
  readonly fixed: LowerCaseHeaders
  readonly functions: readonly ((request: HeaderRequest) => unknown)[]
}

/** Checks the option `headers`. `base` are the headers of the client. Returns undefined if there are none. */
export function headerSource(
  headers: OwnHeaders | undefined,
  base: HeaderSource | undefined,
  name: string,
): HeaderSource | undefined {
  if (headers === undefined) return base
  const { fixed = {}, functions = [] } = base ?? {}
  if (typeof headers === 'function') return Object.freeze({ fixed, functions: [...functions, headers] })
  checkRecord(name, headers, 'an object of header names and values, or a function')
  return Object.freeze({
    fixed: { ...fixed, ...lowered(name, headers) },
    functions,
  })
}

/**
 * Returns the headers for one try: a promise if there are functions to call, otherwise the headers. Leaves out the
 * headers that the caller has set, as `has` tells.
 */
export function headersFor(
  source: HeaderSource,
  request: HeaderRequest,
  has: ((name: string) => boolean) | undefined,
): LowerCaseHeaders | Promise<LowerCaseHeaders> {
  const { fixed, functions } = source
  if (functions.length === 0) return has ? without(fixed, has) : fixed
  return Promise.all(functions.map(async (made) => made(request))).then((answers) => {
    const made = answers.map((answer) => lowered('what headers() returns', answer))
    const all: LowerCaseHeaders = Object.assign({}, fixed, ...made)
    return has ? without(all, has) : all
  })
}

function without(headers: LowerCaseHeaders, has: (name: string) => boolean): LowerCaseHeaders {
  const names = Object.keys(headers)
  return names.some(has)
    ? Object.fromEntries(Object.entries(headers).filter(([name]) => !has(name)))
    : headers
}

/** True if undici would send it. If not, undici rejects the request. */
export function canBeSent(name: string, value: string): boolean {
  return NAME.test(name) && !FORBIDDEN_IN_VALUE.test(value)
}

/**
 * Returns the checked headers with names in lower case. Error messages do not contain values, as they may be secrets.
 */
function lowered(label: string, headers: unknown): LowerCaseHeaders {
  if (typeof headers !== 'object' || headers === null) {
    const got = headers === null ? 'null' : `a ${typeof headers}`
    throw new TypeError(`${label} must be an object of header names and values, got ${got}`)
  }
  const entries: Iterable<readonly [unknown, unknown]> =
    headers instanceof Headers ? headers : Object.entries(headers)
  const result: Record<string, string> = {}
  for (const [name, value] of entries) {
    if (value === undefined) continue
    if (typeof name !== 'string' || typeof value !== 'string') {
      throw new TypeError(`${label} must have strings as values, got a ${typeof value} for '${String(name)}'`)
    }
    if (!canBeSent(name, value)) {
      throw new TypeError(`${label} has a header that cannot be sent: ${quote(name)}`)
    }
    result[name.toLowerCase()] = value
  }
  return result
}
