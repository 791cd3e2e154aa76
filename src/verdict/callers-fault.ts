/** What undici, or Node, finds wrong with a request, whichever instance it is for. */
const CODES: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  // A body that does not consist of bytes.
  'ERR_INVALID_ARG_TYPE',
])

/** What a broken connection destroys the body with, over HTTP/2 even before it is heard of. */
const CONNECTION = /^(?:UND_ERR_|ERR_(?:SSL|TLS|HTTP2|STREAM_PREMATURE_CLOSE))/
const SYSTEM = /^E(?:CONN\w+|PIPE|TIMEDOUT|PROTO|HOST\w+|NET\w+)$/

/** Whether an attempt failed for what the caller gave, which says nothing about its instance. */
export function isCallersFault(error: unknown, body: unknown): boolean {
  const { code, syscall, name } = (error ?? {}) as { code?: unknown; syscall?: unknown; name?: unknown }
  if (CODES.has(code)) return true
  if (body instanceof WatchedBody) return body.failed
  // A file that has changed since.
  if (body instanceof Blob) return name === 'NotReadableError'
  const { destroyed, errored } = (body ?? {}) as { destroyed?: unknown; errored?: unknown }
  // Destroyed without an error, which a broken connection never does.
  if (code === 'UND_ERR_ABORTED' && destroyed === true && errored === null) return true
  const text = String(code)
  return (
    errored !== undefined &&
    errored === error &&
    !CONNECTION.test(text) &&
    !(syscall !== undefined && SYSTEM.test(text))
  )
}

/** A body to iterate over: nothing else could tell what it throws from what the connection fails with. */
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

/** The body as undici is to have it: one to iterate over, the streams of the web among them, says when it has thrown. */
export function watched<Body>(body: Body): Body {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body) || 'pipe' in body) return body
  const isIterable = Symbol.asyncIterator in body || Symbol.iterator in body
  // Of any package: undici knows its own.
  if (!isIterable || Reflect.get(body, Symbol.toStringTag) === 'FormData') return body
  return new WatchedBody(body as unknown as AsyncIterable<unknown>) as Body
}
