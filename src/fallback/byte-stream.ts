export interface ByteSource {
  /** Returns the next chunk, which is not empty, or undefined at the end. */
  next(): Promise<Uint8Array | undefined>
  cancel(reason: unknown): Promise<void>
}

/** Makes a stream that does not read ahead: it asks its source only when a reader waits for data. */
export function byteStream(source: ByteSource): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      type: 'bytes',
      pull: async (controller) => {
        const chunk = await source.next()
        // A byte stream transfers the chunk's buffer, and other readers may share the chunk. So it gets a copy.
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
 * Reads the body of a response. It locks the body only at the first read: undici frees the connection of an unread
 * response when the response is garbage-collected, but not if its body is locked. For the same reason the reader keeps
 * a reference to the response.
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
      // `new Uint8Array('text')` would silently be empty.
      if (!(result.value instanceof Uint8Array)) throw new TypeError('a response body must be made of bytes')
      if (result.value.byteLength > 0) return result.value
    }
  }

  async cancel(reason: unknown): Promise<void> {
    await (this.#reader ?? this.#response.body)?.cancel(reason)
  }
}
