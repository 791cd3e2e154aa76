import { BodyReader, byteStream, type ByteSource } from './byte-stream.ts'
import { isWhole, responseLike } from './response.ts'

/**
 * Makes one response for each signal from a single response. A signal ends only its own response. The body is read as
 * fast as the fastest reader reads. Chunks that others have not read yet are kept in memory, without a limit. So a slow
 * reader does not delay the others.
 */
export function fanOut(response: Response, signals: readonly (AbortSignal | undefined)[]): Response[] {
  if (!isWhole(response)) return signals.map(() => response)
  const { headers } = response
  if (!response.body) return signals.map(() => responseLike(response, { body: null, headers }))
  const shared = new SharedBody(response)
  return signals.map((signal) => {
    const reader = shared.join()
    if (signal) abortWith(signal, reader)
    return responseLike(response, { body: byteStream(reader), headers })
  })
}

class SharedBody {
  readonly #source: BodyReader
  readonly #readers = new Set<SharedReader>()
  #reading: Promise<void> | undefined

  constructor(response: Response) {
    this.#source = new BodyReader(response)
  }

  join(): SharedReader {
    const reader = new SharedReader(this)
    this.#readers.add(reader)
    return reader
  }

  /** Reads one chunk for all readers. */
  read(): Promise<void> {
    return (this.#reading ??= this.#readOne())
  }

  async leave(reader: SharedReader, reason: unknown): Promise<void> {
    if (this.#readers.delete(reader) && this.#readers.size === 0) await this.#source.cancel(reason)
  }

  async #readOne(): Promise<void> {
    try {
      const piece = await this.#source.next()
      for (const reader of this.#readers) reader.pieces.push(piece)
    } finally {
      this.#reading = undefined
    }
  }
}

class SharedReader implements ByteSource {
  /** The chunks that this reader has not read yet; undefined marks the end. */
  pieces: (Uint8Array | undefined)[] = []
  /** Called when the reader needs its signal no longer. */
  onEnd: (() => void) | undefined
  readonly #body: SharedBody
  #aborted: { readonly reason: unknown } | undefined
  #reject: ((reason: unknown) => void) | undefined

  constructor(body: SharedBody) {
    this.#body = body
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#aborted) throw this.#aborted.reason
    try {
      if (this.pieces.length === 0) await this.#read()
    } catch (error) {
      this.onEnd?.()
      throw error
    }
    const piece = this.pieces.shift()
    if (!piece) this.onEnd?.()
    return piece
  }

  cancel(reason: unknown): Promise<void> {
    this.pieces = []
    this.onEnd?.()
    return this.#body.leave(this, reason)
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#reject?.(reason)
    this.cancel(reason).catch(() => {})
  }

  /** It does not use Promise.race, which would add reactions to a promise that lives as long as the body. */
  #read(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#body.read().then(resolve, reject)
    })
  }
}

const forgotten = new FinalizationRegistry<() => void>((unlisten) => unlisten())

/**
 * A signal may live as long as the process. It must not keep an unread body in memory, and must not collect listeners.
 */
function abortWith(signal: AbortSignal, reader: SharedReader): void {
  const weak = new WeakRef(reader)
  const onAbort = (): void => weak.deref()?.abort(signal.reason)
  const unlisten = (): void => signal.removeEventListener('abort', onAbort)
  signal.addEventListener('abort', onAbort, { once: true })
  forgotten.register(reader, unlisten)
  reader.onEnd = unlisten
}
