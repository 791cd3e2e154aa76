import type { Dispatcher } from '../../undici.ts'
import { decodeContent } from './content-coding.ts'

/**
 * The whole body as text. Throws as soon as it has more than `max` bytes, sent or unpacked: a registry that answers
 * without end must not fill the memory.
 */
export async function textOf(
  coding: unknown,
  body: Dispatcher.ResponseData['body'],
  max: number,
): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  // Leaving the loop destroys the body, and with it the connection.
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    size += piece.byteLength
    if (size > max) throw tooLarge(max)
    pieces.push(piece)
  }
  try {
    // The decoder drops a byte order mark, which JSON.parse would not take.
    return new TextDecoder().decode(await decodeContent(Buffer.concat(pieces), coding, max))
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(max) : error
  }
}

function tooLarge(max: number): Error {
  return new Error(`an answer of more than ${max} bytes (maxAnswerSize)`)
}
