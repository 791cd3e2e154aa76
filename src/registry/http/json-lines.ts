/** The maximum size of an answer, or of one line of a stream, in bytes. */
export const MAX_ANSWER: number = 64 * 1024 * 1024

const NEWLINE = 10

/**
 * Yields the JSON documents of a stream with one document per line. Yields those that a chunk completes as one
 * array, because a chunk may end in the middle of a line. Throws when a line has more than `max` bytes, because
 * its end may never come.
 */
export async function* jsonLines(
  chunks: AsyncIterable<Uint8Array>,
  max: number,
): AsyncGenerator<unknown[], void> {
  /**
   * The pieces of the current line. They are concatenated once, at its end, because each concatenation copies
   * all bytes.
   */
  let open: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    const documents: unknown[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      open.push(chunk.subarray(start, end))
      const line = Buffer.concat(open).toString()
      open = []
      size = 0
      start = end + 1
      if (line.trim() !== '') documents.push(JSON.parse(line))
    }
    if (start < chunk.length) {
      open.push(chunk.subarray(start))
      size += chunk.length - start
      if (size > max) throw new Error(`a line has more than ${max} bytes (maxAnswerSize)`)
    }
    if (documents.length > 0) yield documents
  }
}
