/** The error codes of undici and Node for an invalid request. They do not depend on the instance. */
const CODES: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  // The body, an iterable or a stream, has yielded a value that is neither a string nor bytes.
  'ERR_INVALID_ARG_TYPE',
])

/**
 * When a connection breaks, undici and Node destroy the body stream with the connection's error. Over HTTP/2 they do so
 * before this client gets the error. So an error of the body is the caller's only if it is none of these.
 */
const CONNECTION = /^(?:UND_ERR_|ERR_(?:SSL|TLS|HTTP2|STREAM_PREMATURE_CLOSE))/
const SYSTEM = /^E(?:CONN\w+|PIPE|TIMEDOUT|PROTO|HOST\w+|NET\w+)$/

/** True if an attempt failed because of the caller's input. That tells nothing about its instance. */
export function isCallersFault(error: unknown, body: unknown): boolean {
  const { code, syscall, name } = (error ?? {}) as { code?: unknown; syscall?: unknown; name?: unknown }
  if (CODES.has(code)) return true
  if (body instanceof WatchedBody) return body.failed
  // `fs.openAsBlob()` reads the file only now. It fails with this error if the file has changed since.
  if (body instanceof Blob) return name === 'NotReadableError'
  const { destroyed, errored } = (body ?? {}) as { destroyed?: unknown; errored?: unknown }
  // The caller has destroyed the stream without an error. A broken connection always sets one.
  if (code === 'UND_ERR_ABORTED' && destroyed === true && errored === null) return true
  const text = String(code)
  return (
    errored !== undefined &&
    errored === error &&
    !CONNECTION.test(text) &&
    !(syscall !== undefined && SYSTEM.test(text))
  )
}

/**
 * Wraps an iterable body and remembers if it throws. undici reports such an error as the error of the request, where it
 * looks like a failure of the connection.
 */
class WatchedBody implements AsyncIterable<unknown> {
  failed = false
  readonly #body: AsyncIterable<unknown> | Iterable<unknown>

  constructor(body: AsyncIterable<unknown> | Iterable<unknown>) {
    this.#body = body
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    try {
      for await (const chunk of this.#body) yield chunk
    } catch (error) {
      this.failed = true
      throw error
    }
  }
}

/**
 * Returns the body to pass to undici. An iterable, such as a ReadableStream, becomes a `WatchedBody`. All others stay
 * unchanged.
 */
export function watched<Body>(body: Body): Body {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body) || 'pipe' in body) return body
  const isIterable = Symbol.asyncIterator in body || Symbol.iterator in body
  // A FormData of any package is iterable too, but undici can send it directly.
  if (!isIterable || Reflect.get(body, Symbol.toStringTag) === 'FormData') return body
  return new WatchedBody(body as unknown as AsyncIterable<unknown>) as Body
}
