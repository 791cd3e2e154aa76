/** A plain call: it has only a method, headers, a body in memory, and perhaps a signal. */
export interface PlainCall {
  /** The shape of the call. Calls with the same key differ only in the values of their headers and in their bodies. */
  readonly key: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: string | Uint8Array | null
  readonly length: number
  readonly signal: AbortSignal | undefined
}

/** The methods that fetch passes on unchanged, and whether a plain call has a body with each. */
const BODY_RULES: Readonly<Record<string, 'none' | 'some' | 'any'>> = {
  GET: 'none',
  HEAD: 'none',
  POST: 'some',
  PUT: 'some',
  PATCH: 'some',
  DELETE: 'any',
}

/**
 * On Node 22 (undici 6), the methods of an aborted response fail with another error than its stream. This library
 * does not imitate that: there, fetch makes each call with a signal.
 */
const SUPPORTS_SIGNALS = Number.parseInt(process.versions['undici'] ?? '', 10) >= 7

/** The only members that the init of a plain call may have. */
const PLAIN_MEMBERS: ReadonlySet<string> = new Set(['method', 'headers', 'body', 'redirect', 'signal'])

const NAME = /^[\w-]{1,64}$/

/** A value that `Headers` neither trims nor rejects. */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Headers whose value changes what fetch does. */
const SPECIAL_HEADERS =
  /^(?:content-length|host|connection|transfer-encoding|expect|upgrade|keep-alive|te|trailer|__proto__)$/i

/** Returns the call if it is plain. Otherwise returns undefined, and fetch makes the call. */
export function plainCall(origin: string, method: string, init: RequestInit): PlainCall | undefined {
  const need = BODY_RULES[method]
  if (need === undefined || !isPlainInit(init, method)) return undefined
  const headers = plainHeaders(init.headers)
  const body = plainBody(init.body)
  if (!headers || !body || (need !== 'any' && (need === 'some') !== (body.content !== null))) return undefined
  const signal = init.signal ?? undefined
  const key = `${origin} ${method} ${body.kind} ${init.headers instanceof Headers ? '' : '='}${[...headers.keys()].join()}`
  return { key, headers, body: body.content, length: body.length, signal }
}

/**
 * Returns the init of a plain Request without a body. Returns undefined if the Request has a body, or a property that
 * only fetch supports.
 */
export function plainInitOf(request: Request): RequestInit | undefined {
  const { method, headers, signal } = request
  if (Object.getPrototypeOf(request) !== Request.prototype || request.body !== null) return undefined
  const isPlain =
    request.mode === 'cors' &&
    request.credentials === 'same-origin' &&
    request.cache === 'default' &&
    request.redirect === 'follow' &&
    request.referrer === 'about:client' &&
    request.referrerPolicy === '' &&
    request.integrity === '' &&
    !request.keepalive
  return isPlain ? { method, headers, signal } : undefined
}

function isPlainInit(init: RequestInit, method: string): boolean {
  for (const name in init) {
    if (Reflect.get(init, name) !== undefined && !PLAIN_MEMBERS.has(name)) return false
  }
  if (init.method !== undefined && init.method !== method) return false
  if (init.signal != null && !(SUPPORTS_SIGNALS && init.signal instanceof AbortSignal)) return false
  return init.redirect === undefined || init.redirect === 'follow'
}

function plainHeaders(given: RequestInit['headers']): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>()
  if (given === undefined) return headers
  if (typeof given !== 'object' || given === null) return undefined
  const pairs: Iterable<unknown> = Symbol.iterator in given ? given : Object.entries(given)
  const known = new Set<string>()
  for (const pair of pairs) {
    const [name, value, more] = (Array.isArray(pair) ? pair : []) as unknown[]
    if (typeof name !== 'string' || typeof value !== 'string' || more !== undefined) return undefined
    if (!NAME.test(name) || !VALUE.test(value) || SPECIAL_HEADERS.test(name)) return undefined
    headers.set(name, value)
    known.add(name.toLowerCase())
    if (known.size !== headers.size) return undefined
  }
  return headers
}

interface PlainBody {
  readonly kind: 'none' | 'text' | 'bytes' | 'form'
  readonly content: string | Uint8Array | null
  readonly length: number
}

const NO_BODY: PlainBody = { kind: 'none', content: null, length: 0 }

/** The body is not copied here: bytes were copied when the call was made. */
function plainBody(body: RequestInit['body']): PlainBody | undefined {
  if (body === undefined || body === null) return NO_BODY
  let plain: PlainBody | undefined
  if (typeof body === 'string') plain = { kind: 'text', content: body, length: Buffer.byteLength(body) }
  else if (body instanceof URLSearchParams) {
    const content = body.toString()
    plain = { kind: 'form', content, length: content.length }
  } else if (body instanceof ArrayBuffer) plain = body.detached ? undefined : ofBytes(new Uint8Array(body))
  else if (body instanceof Uint8Array) plain = ofBytes(body)
  return plain && plain.length > 0 ? plain : undefined
}

function ofBytes(content: Uint8Array): PlainBody {
  return { kind: 'bytes', content, length: content.byteLength }
}
