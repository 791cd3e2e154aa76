/** What the body asks of undici's controller of a request. */
export interface BodyControl {
  pause(): void
  resume(): void
  abort(reason: Error): void
}

/** Who has begun to read, and is told of what comes. */
interface Reader {
  ready(): void
}

/** Who keeps the sizes of a body. */
interface Timing {
  add(wire: number, read: number): void
}

/** Bytes that may wait for a reader before the connection is paused: as much as Node's own streams hold. */
const HIGH = 64 * 1024

/** Never added to. */
const NONE: Buffer[] = []

const NOW = Promise.resolve()

/**
 * The body of an answer, in the pieces in which undici hands it over, until somebody reads it. The handler of the request
 * fills it. It knows no Response, so that one that nobody reads can be collected.
 */
export class AnswerBody {
  #control: BodyControl | undefined
  #pieces: Buffer[] = NONE
  #bytes = 0
  #isOver = false
  #isWanted = false
  #isPaused = false
  #error: unknown
  /** Bytes on the wire. */
  #wire = 0
  #received = 0
  #taken = 0
  /** Is told once how many bytes came on the wire and how many were read, when the body has been read, has failed or was cancelled. */
  timing: Timing | undefined
  #unheed: (() => void) | undefined
  #reader: Reader | undefined

  /** Nothing more will come: the connection is free. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** What its readers fail with; undefined for none. */
  get error(): unknown {
    return this.#error
  }

  /** Whether a signal can still end it. */
  get isHeeding(): boolean {
    return this.#unheed !== undefined
  }

  begin(control: BodyControl): void {
    this.#control = control
  }

  /** A piece that took `wire` bytes on the wire, if it was encoded there. */
  add(piece: Buffer, wire: number = piece.length): void {
    if (this.#isOver) return
    this.#wire += wire
    if (piece.length === 0) return
    // Most bodies are of one piece, and an array that was pushed to takes the memory of seventeen.
    if (this.#pieces.length === 0) this.#pieces = [piece]
    else this.#pieces.push(piece)
    this.#bytes += piece.length
    this.#received += piece.length
    if (!this.#isWanted && this.#bytes > HIGH) this.#pause()
    this.#reader?.ready()
  }

  end(): void {
    this.#isOver = true
    this.#control = undefined
    this.#reader?.ready()
  }

  /** As in fetch, what has come and was not read yet is lost. */
  fail(cause: unknown): void {
    if (this.#isOver) return
    this.#failWith(new TypeError('terminated', { cause }))
  }

  /** The caller's signal ends it until it has been read, even if all of it has come. */
  heed(signal: AbortSignal): void {
    const onAbort = (): void => this.#abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#unheed = () => signal.removeEventListener('abort', onAbort)
  }

  /** Read to its end, failed or cancelled: from now on no signal matters. */
  done(): void {
    this.#unheed?.()
    this.#unheed = undefined
    this.timing?.add(this.#wire, this.#isWanted ? this.#received : this.#taken)
    this.timing = undefined
  }

  /** Whoever reads is told when there is something new; there is one reader at most. */
  readBy(reader: Reader | undefined): void {
    this.#reader = reader
  }

  /** The next piece, if it has come. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift()
    this.#bytes -= piece?.length ?? 0
    this.#taken += piece?.length ?? 0
    if (this.#bytes <= HIGH) this.#resume()
    return piece
  }

  /** What `convert` makes of all of it, read without pauses. */
  read<T>(convert: (all: Buffer) => T): Promise<T> {
    this.#isWanted = true
    this.#resume()
    // A signal that aborts right after the call is heard even if there is nothing to wait for.
    const over = this.#isOver ? NOW : this.#over()
    return over.then(() => {
      this.#reader = undefined
      this.done()
      if (this.#error !== undefined) throw this.#error
      return convert(this.#joined())
    })
  }

  /** Nobody wants the rest: ends the request. */
  cancel(reason: unknown): void {
    const control = this.#control
    this.#pieces = NONE
    this.#isOver = true
    this.#control = this.#reader = undefined
    this.done()
    control?.abort(reason instanceof Error ? reason : abortError())
  }

  #abort(reason: unknown): void {
    const control = this.#control
    // fetch takes whatever is false for no reason at all.
    const error: unknown = reason || abortError()
    this.#failWith(error)
    control?.abort(error as Error)
  }

  #failWith(error: unknown): void {
    this.#error = error
    this.#pieces = NONE
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
    this.#pieces = NONE
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
