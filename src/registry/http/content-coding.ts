import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

/** The content codings that {@link decodeContent} supports (RFC 9110, section 8.4.1). */
const CODINGS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

/**
 * Decompresses an answer. Some servers compress although the request does not allow it. Throws when the result
 * would be larger than `max` bytes.
 */
export async function decodeContent(bytes: Buffer, coding: unknown, max: number): Promise<Buffer> {
  if (typeof coding !== 'string' || coding === '' || coding === 'identity' || bytes.length === 0) return bytes
  const name = coding.toLowerCase()
  if (!Object.hasOwn(CODINGS, name)) throw new Error(`the answer has an unknown content coding: ${coding}`)
  return CODINGS[name as keyof typeof CODINGS](bytes, { maxOutputLength: max })
}
