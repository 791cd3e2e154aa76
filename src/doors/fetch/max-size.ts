import { OutriggerError } from '../../errors.ts'
import { BodyReader, byteStream, type ByteSource } from '../../fallback/byte-stream.ts'
import { isWhole, responseLike } from '../../fallback/response.ts'

/** Returns the response with a body that fails once it has brought more than `max` bytes after decoding. */
export async function withMaxSize(answer: Promise<Response>, max: number): Promise<Response> {
  const response = await answer
  if (!isWhole(response) || !response.body) return response
  return responseLike(response, {
    body: byteStream(new LimitedSource(new BodyReader(response), max)),
    headers: response.headers,
  })
}

class LimitedSource implements ByteSource {
  readonly #source: ByteSource
  readonly #max: number
  #size = 0

  constructor(source: ByteSource, max: number) {
    this.#source = source
    this.#max = max
  }

  async next(): Promise<Uint8Array | undefined> {
    const piece = await this.#source.next()
    this.#size += piece?.byteLength ?? 0
    if (this.#size <= this.#max) return piece
    const error = new OutriggerError(
      'ERR_OUTRIGGER_TOO_LARGE',
      `the body has more than ${this.#max} bytes after decoding (maxResponseSize)`,
    )
    this.cancel(error).catch(() => {})
    throw error
  }

  cancel(reason: unknown): Promise<void> {
    return this.#source.cancel(reason)
  }
}
