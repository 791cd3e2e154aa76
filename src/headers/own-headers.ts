import { checkRecord, quote } from '../options.ts'

/** The request that headers are asked for. */
export interface HeaderRequest {
  readonly service: string
  readonly route: string | undefined
  readonly method: string | undefined
  readonly path: string | undefined
  /** 1 for the first try. */
  readonly attempt: number
}

type Values = Readonly<Record<string, string | undefined>>

/**
 * Headers to send with every request: values, or a function that is asked before each try and may return a promise, as for a
 * token that is renewed.
 */
export type OwnHeaders =
  | Values
  | ((request: HeaderRequest) => Values | Headers | PromiseLike<Values | Headers>)

/** RFC 9110 §5.6.2: a token. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
/** RFC 9110 §5.5: what a value may not hold. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/

type Lower = Readonly<Record<string, string>>

/** Client's headers first, then the route's, which win. Lower-case names. */
export interface HeaderSource {
  readonly fixed: Lower
  readonly functions: readonly ((request: HeaderRequest) => unknown)[]
}

/** Checks the option `headers`; `base` are the client's. Undefined when there are none. */
export function headerSource(
  headers: OwnHeaders | undefined,
  base: HeaderSource | undefined,
  name: string,
): HeaderSource | undefined {
  if (headers === undefined) return base
  const { fixed = {}, functions = [] } = base ?? {}
  if (typeof headers === 'function') return Object.freeze({ fixed, functions: [...functions, headers] })
  checkRecord(name, headers, 'an object of header names and values, or a function')
  return Object.freeze({ fixed: { ...fixed, ...lowered(name, headers) }, functions })
}

/**
 * The headers for one try: at once where nobody is asked, and as a promise otherwise. Those the caller has set himself, which
 * `has` knows, are left out.
 */
export function headersFor(
  source: HeaderSource,
  request: HeaderRequest,
  has: ((name: string) => boolean) | undefined,
): Lower | Promise<Lower> {
  const { fixed, functions } = source
  if (functions.length === 0) return has ? without(fixed, has) : fixed
  return Promise.all(functions.map(async (made) => made(request))).then((answers) => {
    const made = answers.map((answer) => lowered('what headers() returns', answer))
    const all: Lower = Object.assign({}, fixed, ...made)
    return has ? without(all, has) : all
  })
}

function without(headers: Lower, has: (name: string) => boolean): Lower {
  const names = Object.keys(headers)
  return names.some(has)
    ? Object.fromEntries(Object.entries(headers).filter(([name]) => !has(name)))
    : headers
}

/** Whether undici would send it; it refuses the whole request for one that cannot be. */
export function canBeSent(name: string, value: string): boolean {
  return NAME.test(name) && !NO_VALUE.test(value)
}

/** Checked, with names in lower case. Errors do not show values: they may be secrets. */
function lowered(label: string, headers: unknown): Lower {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError(`${label} must be an object of header names and values, got ${quote(headers)}`)
  }
  const entries: Iterable<readonly [unknown, unknown]> =
    headers instanceof Headers ? headers : Object.entries(headers)
  const result: Record<string, string> = {}
  for (const [name, value] of entries) {
    if (value === undefined) continue
    if (typeof name !== 'string' || typeof value !== 'string') {
      throw new TypeError(`${label} must have texts as values, '${String(name)}' has a ${typeof value}`)
    }
    if (!canBeSent(name, value)) {
      throw new TypeError(`${label} has a header that cannot be sent: ${quote(name)}`)
    }
    result[name.toLowerCase()] = value
  }
  return result
}
