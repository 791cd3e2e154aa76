export interface ByteSource {
  /** The next piece, not empty; undefined at the end. */
  next(): Promise<Uint8Array | undefined>
  cancel(reason: unknown): Promise<void>
}

/** A stream that reads nothing ahead: its source is asked when somebody waits for data, and not before. */
export function byteStream(source: ByteSource): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      type: 'bytes',
      pull: async (controller) => {
        const chunk = await source.next()
        // A byte stream takes the buffer away from whoever else has it, so that everybody gets a copy.
        if (chunk) controller.enqueue(new Uint8Array(chunk))
        else {
          controller.close()
          controller.byobRequest?.respond(0)
        }
      },
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/**
 * Reads the body of a response, which it locks with the first read only: an unread response that nobody holds any
 * more frees its connection (undici sees to it), a locked one does not. It holds the response for as long as it is
 * held itself, for the same reason.
 */
export class BodyReader implements ByteSource {
  readonly #response: Response
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(response: Response) {
    this.#response = response
  }

  async next(): Promise<Uint8Array | undefined> {
    const reader = (this.#reader ??= this.#response.body?.getReader())
    for (;;) {
      const result = await reader?.read()
      if (!result || result.done) return undefined
      // new Uint8Array('text') would be an empty one.
      if (!(result.value instanceof Uint8Array)) throw new TypeError('a response body must be made of bytes')
      if (result.value.byteLength > 0) return result.value
    }
  }

  async cancel(reason: unknown): Promise<void> {
    await (this.#reader ?? this.#response.body)?.cancel(reason)
  }
}
