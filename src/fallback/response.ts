/** What a constructed Response cannot be given, but a fetched one has. */
interface Provenance {
  readonly url: string
  readonly redirected: boolean
  readonly type: Response['type']
  /** Only those that the constructor refuses. */
  readonly status?: number
  readonly ok?: boolean
  readonly statusText?: string
}

/** Of a status that a server may send and fetch hands on, the constructor takes no more than this. */
const MAX_STATUS = 599
/** RFC 9112 §4: what the constructor takes; fetch hands on whatever the server wrote. */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

interface Parts {
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null
  readonly headers: Headers
}

/** Whether it is more than the bare object that a mock of fetch may answer with. */
export function isWhole(response: Response): boolean {
  const headers: unknown = response.headers
  return typeof headers === 'object' && headers !== null && Symbol.iterator in headers
}

/** A Response like `original` with another body and other headers; it looks fetched, and so do its clones. */
export function responseLike(
  original: Response | (Provenance & ResponseInit),
  { body, headers }: Parts,
): Response {
  const { status = 200, statusText = '' } = original
  const isStatus = status <= MAX_STATUS
  const isReason = REASON.test(statusText)
  const response = new Response(body, {
    status: isStatus ? status : 200,
    statusText: isReason ? statusText : '',
    headers,
  })
  return dress(response, {
    url: original.url,
    redirected: original.redirected,
    type: original.type,
    ...(!isStatus && { status, ok: false }),
    ...(!isReason && { statusText }),
  })
}

function dress(response: Response, provenance: Provenance): Response {
  const clone = (): Response => dress(Response.prototype.clone.call(response), provenance)
  for (const [name, value] of Object.entries({ ...provenance, clone })) {
    Object.defineProperty(response, name, { value, configurable: true })
  }
  return response
}
