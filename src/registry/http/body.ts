import type { Dispatcher } from '../../undici.ts'
import { decodeContent } from './content-coding.ts'

/**
 * Returns the complete body as text. Throws as soon as it has more than `max` bytes, compressed or
 * decompressed, so that an endless answer does not fill the memory.
 */
export async function textOf(
  coding: unknown,
  body: Dispatcher.ResponseData['body'],
  max: number,
): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  // Leaving the loop early destroys the body and its connection.
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    size += piece.byteLength
    if (size > max) throw tooLarge(max)
    pieces.push(piece)
  }
  try {
    // TextDecoder drops a byte order mark, which JSON.parse would reject.
    return new TextDecoder().decode(await decodeContent(Buffer.concat(pieces), coding, max))
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(max) : error
  }
}

function tooLarge(max: number): Error {
  return new Error(`the answer has more than ${max} bytes (maxAnswerSize)`)
}
