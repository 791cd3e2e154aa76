type RequestHeaders = NonNullable<RequestInit['headers']>
type PlatformBody = RequestInit['body']

/**
 * Returns a copy of the headers that can be read more than once. fetch copies them at the call, so the caller may
 * change the object for the next request while this one waits or is sent again.
 */
export function copyHeaders(headers: RequestHeaders): RequestHeaders {
  // fetch rejects any other value with its own error.
  if (typeof headers !== 'object') return headers
  if (headers instanceof Headers) return new Headers(headers)
  if (Symbol.iterator in headers) {
    // fetch also rejects a pair that is not an array of two.
    return Array.from(headers as Iterable<[string, string]>, (pair) =>
      Array.isArray(pair) ? ([...pair].map(text) as [string, string]) : pair,
    )
  }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, text(value)]))
}

/** Converts an object to text now, as fetch does. fetch rejects symbols. */
function text(value: unknown): string {
  // oxlint-disable-next-line typescript/no-base-to-string -- what an object is as text is its own choice
  return typeof value === 'object' ? String(value) : (value as string)
}

/** Returns a copy of the body. A body that cannot change, or can be read only once, is returned as it is. */
export function copyBody<Body>(body: Body): Body {
  if (typeof body !== 'object' || body === null) return body
  return (copyOf(body) ?? body) as Body
}

/**
 * Returns a copy of a body for fetch, which converts an object of an unknown type to text. An object with a
 * `Symbol.toStringTag` is not converted here.
 */
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
  // fetch decides about a detached buffer, and about a view of one or of shared memory.
  if (body instanceof ArrayBuffer) return body.detached ? undefined : body.slice(0)
  if (ArrayBuffer.isView(body)) {
    const { buffer } = body
    return buffer instanceof ArrayBuffer && !buffer.detached ? copyView(body) : undefined
  }
  if (body instanceof URLSearchParams) return new URLSearchParams(body)
  if (!(body instanceof FormData)) return undefined
  const copy = new FormData()
  // Files and Blobs are immutable.
  for (const [name, value] of body) copy.append(name, value)
  return copy
}

function copyView({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
}

/** Returns a deep copy of plain objects and arrays. Any other object is returned as it is. */
export function copyPlain<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map((each: unknown) => copyPlain(each)) as Value
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const entries = Object.entries(value).map(([name, each]: [string, unknown]) => [name, copyPlain(each)])
  return Object.fromEntries(entries) as Value
}
