type RequestHeaders = NonNullable<RequestInit['headers']>
type PlatformBody = RequestInit['body']

/**
 * The headers as they are now, in a form that can be read more than once. fetch copies them at the call: the caller may
 * change his object for the next request while this one waits, is queued or is tried again.
 */
export function copyHeaders(headers: RequestHeaders): RequestHeaders {
  // Anything else is refused by fetch, with its own error.
  if (typeof headers !== 'object') return headers
  if (headers instanceof Headers) return new Headers(headers)
  if (Symbol.iterator in headers) {
    // A pair that is not an array, or has not two members, is refused by fetch too.
    return Array.from(headers as Iterable<[string, string]>, (pair) =>
      Array.isArray(pair) ? ([...pair].map(text) as [string, string]) : pair,
    )
  }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)]))
}

/** Objects are turned to text now, as fetch does it. Symbols are refused by fetch. */
function text(value: unknown): string {
  // oxlint-disable-next-line typescript/no-base-to-string -- what an object is as text is its own choice
  return typeof value === 'object' ? String(value) : (value as string)
}

/** The body as it is now. What cannot change, or can be read only once, is returned as it is. */
export function copyBody<Body>(body: Body): Body {
  if (typeof body !== 'object' || body === null) return body
  return (copyOf(body) ?? body) as Body
}

/** The same for fetch, which makes text of an object that it cannot read otherwise. Classes that say what they are stay as they are. */
export function copyFetchBody<Body>(body: Body): Body {
  const isRead =
    typeof body !== 'object' ||
    body === null ||
    ArrayBuffer.isView(body) ||
    Symbol.toStringTag in body ||
    Symbol.asyncIterator in body ||
    'pipe' in body
  return isRead ? copyBody(body) : (String(body) as Body)
}

function copyOf(body: object): PlatformBody | undefined {
  if (Buffer.isBuffer(body)) return Buffer.from(body)
  // What was given away is fetch's to judge, and so is a view of it or of shared memory.
  if (body instanceof ArrayBuffer) return body.detached ? undefined : body.slice(0)
  if (ArrayBuffer.isView(body)) {
    const { buffer } = body
    return buffer instanceof ArrayBuffer && !buffer.detached ? copyView(body) : undefined
  }
  if (body instanceof URLSearchParams) return new URLSearchParams(body)
  if (!(body instanceof FormData)) return undefined
  const copy = new FormData()
  // A File or a Blob cannot change.
  for (const [name, value] of body) copy.append(name, value)
  return copy
}

function copyView({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
}

/** Plain objects and lists as they are now, all the way down. Any other object is returned as it is. */
export function copyPlain<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map((each: unknown) => copyPlain(each)) as Value
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) => [name, copyPlain(each)])
  return Object.fromEntries(entries) as Value
}
