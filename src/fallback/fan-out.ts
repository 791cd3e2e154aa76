import { BodyReader, byteStream, type ByteSource } from './byte-stream.ts'
import { isWhole, responseLike } from './response.ts'

/**
 * As many responses from one as there are signals, each with its own end. The body is read as fast as the fastest
 * of them reads; what the others have not read yet is kept once for all of them, in full: a slow or silent reader
 * never holds up the rest.
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

  /** Reads one piece for everybody. */
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
  /** What this one has still to read; undefined is the end. */
  pieces: (Uint8Array | undefined)[] = []
  /** Called once when it needs no more watching. */
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

  /** Not with Promise.race, whose reactions would pile up on a promise that lives as long as the body. */
  #read(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#body.read().then(resolve, reject)
    })
  }
}

const forgotten = new FinalizationRegistry<() => void>((unlisten) => unlisten())

/** A signal may live as long as the process: it must neither keep an unread body alive nor collect listeners. */
function abortWith(signal: AbortSignal, reader: SharedReader): void {
  const weak = new WeakRef(reader)
  const onAbort = (): void => weak.deref()?.abort(signal.reason)
  const unlisten = (): void => signal.removeEventListener('abort', onAbort)
  signal.addEventListener('abort', onAbort, { once: true })
  forgotten.register(reader, unlisten)
  reader.onEnd = unlisten
}
