/** What a constructed Response cannot be given, but a fetched one has. */
interface Provenance {
  readonly url: string
  readonly redirected: boolean
  readonly type: Response['type']
}

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
  const response = new Response(body, { status, statusText, headers })
  return dress(response, { url: original.url, redirected: original.redirected, type: original.type })
}

function dress(response: Response, provenance: Provenance): Response {
  const clone = (): Response => dress(Response.prototype.clone.call(response), provenance)
  const { url, redirected, type } = provenance
  const properties = Object.entries({ url, redirected, type, clone })
  for (const [name, value] of properties) Object.defineProperty(response, name, { value, configurable: true })
  return response
}
