import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'

/** What {@link decodeContent} undoes, by its name in `content-encoding` (RFC 9110, section 8.4.1). */
const CODINGS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const

/**
 * The bytes of an answer without their content coding. Some servers compress without being asked to. Throws when the
 * result would be larger than `max` bytes.
 */
export async function decodeContent(bytes: Buffer, coding: unknown, max: number): Promise<Buffer> {
  if (typeof coding !== 'string' || coding === '' || coding === 'identity' || bytes.length === 0) return bytes
  const name = coding.toLowerCase()
  if (!Object.hasOwn(CODINGS, name)) throw new Error(`an answer in the unknown content coding ${coding}`)
  return CODINGS[name as keyof typeof CODINGS](bytes, { maxOutputLength: max })
}
