/** The part of undici's request controller that a body uses. */
export interface BodyControl {
  pause(): void
  resume(): void
  abort(reason: Error): void
}

/** Reads the body. */
interface Reader {
  ready(): void
}

/** Stores the sizes of a body. */
interface Timing {
  add(wire: number, read: number): void
}

/** In bytes. If more wait for a reader, the connection is paused. Node's own streams have the same limit. */
const PAUSE_ABOVE = 64 * 1024

/** A shared empty array, which is never changed. */
const NO_PIECES: Buffer[] = []

const RESOLVED = Promise.resolve()

/**
 * The body of a response, in the chunks that undici delivers, until it is read. undici's handler fills it. It has no
 * reference to the Response, so a Response that is not read can be garbage-collected.
 */
export class AnswerBody {
  #control: BodyControl | undefined
  #pieces: Buffer[] = NO_PIECES
  #bytes = 0
  #isOver = false
  #isReadAll = false
  #isPaused = false
  #error: unknown
  /** The number of bytes received, before decoding. */
  #wire = 0
  #received = 0
  #taken = 0
  /**
   * Called once when the body has been read, has failed or was cancelled: with the bytes received on the wire, and the
   * bytes read.
   */
  timing: Timing | undefined
  #removeAbortListener: (() => void) | undefined
  #reader: Reader | undefined

  /** True if no more data comes. The connection is free then. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The error with which reading fails; undefined if there is none. */
  get error(): unknown {
    return this.#error
  }

  /** True if a signal can still abort the body. */
  get hasSignal(): boolean {
    return this.#removeAbortListener !== undefined
  }

  begin(control: BodyControl): void {
    this.#control = control
  }

  /** Adds a chunk. `wire` is its number of bytes on the wire, which differs if it was encoded. */
  add(piece: Buffer, wire: number = piece.length): void {
    if (this.#isOver) return
    this.#wire += wire
    if (piece.length === 0) return
    // Most bodies have one chunk. An array changed by `push` would use seventeen times the memory.
    if (this.#pieces.length === 0) this.#pieces = [piece]
    else this.#pieces.push(piece)
    this.#bytes += piece.length
    this.#received += piece.length
    if (!this.#isReadAll && this.#bytes > PAUSE_ABOVE) this.#pause()
    this.#reader?.ready()
  }

  end(): void {
    this.#isOver = true
    this.#control = undefined
    this.#reader?.ready()
  }

  /** Data that has arrived but was not read is lost, as in fetch. */
  fail(cause: unknown): void {
    if (this.#isOver) return
    this.#failWith(new TypeError('terminated', { cause }))
  }

  /** The caller's signal aborts the body until it has been read, even if all data has arrived. */
  abortWith(signal: AbortSignal): void {
    const onAbort = (): void => this.#abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#removeAbortListener = () => signal.removeEventListener('abort', onAbort)
  }

  /** The body was read to the end, has failed or was cancelled. From now on the signal has no effect. */
  done(): void {
    this.#removeAbortListener?.()
    this.#removeAbortListener = undefined
    this.timing?.add(this.#wire, this.#isReadAll ? this.#received : this.#taken)
    this.timing = undefined
  }

  /** Sets the reader that is called when there is new data. A body has at most one reader. */
  setReader(reader: Reader | undefined): void {
    this.#reader = reader
  }

  /** Returns the next chunk, if it has arrived. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift()
    this.#bytes -= piece?.length ?? 0
    this.#taken += piece?.length ?? 0
    if (this.#bytes <= PAUSE_ABOVE) this.#resume()
    return piece
  }

  /** Reads the complete body without pauses, and returns the result of `convert`. */
  read<T>(convert: (all: Buffer) => T): Promise<T> {
    this.#isReadAll = true
    this.#resume()
    // This waits even if all data has arrived: a signal that aborts right after the call must still have an effect.
    const over = this.#isOver ? RESOLVED : this.#over()
    return over.then(() => {
      this.#reader = undefined
      this.done()
      if (this.#error !== undefined) throw this.#error
      return convert(this.#joined())
    })
  }

  /** The rest is not needed. Ends the request. */
  cancel(reason: unknown): void {
    const control = this.#control
    this.#pieces = NO_PIECES
    this.#isOver = true
    this.#control = this.#reader = undefined
    this.done()
    control?.abort(reason instanceof Error ? reason : abortError())
  }

  #abort(reason: unknown): void {
    const control = this.#control
    // fetch replaces a falsy reason by an AbortError.
    const error: unknown = reason || abortError()
    this.#failWith(error)
    control?.abort(error as Error)
  }

  #failWith(error: unknown): void {
    this.#error = error
    this.#pieces = NO_PIECES
    this.done()
    this.end()
  }

  #over(): Promise<void> {
    return new Promise((resolve) => {
      this.#reader = {
        ready: () => {
          if (this.#isOver) resolve()
        },
      }
    })
  }

  #joined(): Buffer {
    const [first] = this.#pieces
    const all = first && this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces, this.#bytes)
    this.#pieces = NO_PIECES
    return all
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#control?.pause()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#control?.resume()
  }
}

function abortError(): DOMException {
  return new DOMException('The operation was aborted.', 'AbortError')
}
