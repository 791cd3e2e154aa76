/** What a fetched Response has, but the Response constructor does not accept. */
interface Provenance {
  readonly url: string
  readonly redirected: boolean
  readonly type: Response['type']
  /** Set only if the constructor rejects the values. */
  readonly status?: number
  readonly ok?: boolean
  readonly statusText?: string
}

/** The largest status that the constructor accepts. A server may send larger ones, and fetch passes them on. */
const MAX_STATUS = 599
/** The reason phrase that the constructor accepts (RFC 9112, section 4). fetch passes on whatever the server sent. */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

interface Parts {
  readonly body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null
  readonly headers: Headers
}

/** False for a plain object that a mock of fetch returns in place of a Response. */
export function isWhole(response: Response): boolean {
  const headers: unknown = response.headers
  return typeof headers === 'object' && headers !== null && Symbol.iterator in headers
}

/**
 * Makes a Response like `original` with another body and other headers. It looks like a fetched one, and so do its
 * clones.
 */
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
  return withProvenance(response, {
    url: original.url,
    redirected: original.redirected,
    type: original.type,
    ...(!isStatus && { status, ok: false }),
    ...(!isReason && { statusText }),
  })
}

function withProvenance(response: Response, provenance: Provenance): Response {
  const clone = (): Response => withProvenance(Response.prototype.clone.call(response), provenance)
  for (const [name, value] of Object.entries({ ...provenance, clone })) {
    Object.defineProperty(response, name, { value, configurable: true })
  }
  return response
}
