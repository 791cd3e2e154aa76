/** Bytes that an answer, or a line of a stream, may have. */
export const MAX_ANSWER: number = 64 * 1024 * 1024

const NEWLINE = 10

/**
 * The JSON documents of a stream with one a line, those of a chunk together; a chunk can hold part of a line. A line of
 * more than `max` bytes throws: its end may never come.
 */
export async function* jsonLines(
  chunks: AsyncIterable<Uint8Array>,
  max: number = MAX_ANSWER,
): AsyncGenerator<unknown[], void> {
  /** The pieces of the line that has no end yet: put together once, for each time costs its whole length. */
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
      if (size > max) throw new Error(`a line of more than ${max} bytes (maxAnswerSize)`)
    }
    if (documents.length > 0) yield documents
  }
}
