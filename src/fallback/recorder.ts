import type { ByteSource } from './byte-stream.ts'

/** Passes a body on. If it ends within `maxBytes`, passes all of it to `keep` too. */
export class Recorder implements ByteSource {
  readonly #source: ByteSource
  readonly #maxBytes: number
  readonly #keep: (body: Uint8Array<ArrayBuffer>) => void
  #pieces: Uint8Array[] = []
  #bytes = 0

  constructor(source: ByteSource, maxBytes: number, keep: (body: Uint8Array<ArrayBuffer>) => void) {
    this.#source = source
    this.#maxBytes = maxBytes
    this.#keep = keep
  }

  async next(): Promise<Uint8Array | undefined> {
    const piece = await this.#source.next()
    if (!piece) this.#finish()
    else {
      this.#bytes += piece.byteLength
      if (this.#bytes <= this.#maxBytes) this.#pieces.push(piece)
      else this.#pieces = []
    }
    return piece
  }

  cancel(reason: unknown): Promise<void> {
    this.#pieces = []
    return this.#source.cancel(reason)
  }

  #finish(): void {
    if (this.#bytes > this.#maxBytes) return
    const body = new Uint8Array(this.#bytes)
    let offset = 0
    for (const piece of this.#pieces) {
      body.set(piece, offset)
      offset += piece.byteLength
    }
    this.#pieces = []
    this.#keep(body)
  }
}
