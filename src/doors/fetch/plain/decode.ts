import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib'

/** Bytes after decoding that may be made at once, in less than a millisecond; of more, fetch decodes piece by piece. */
const MOST = 256 * 1024

/** What is cut off gives as much as it can, as in fetch. Large chunks would cost more than the decoding of a short body. */
const gzip = (body: Buffer): Buffer =>
  gunzipSync(body, {
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: MOST,
    chunkSize: chunkFor(body),
  })
const brotli = (body: Buffer): Buffer =>
  brotliDecompressSync(body, {
    flush: constants.BROTLI_OPERATION_FLUSH,
    finishFlush: constants.BROTLI_OPERATION_FLUSH,
    maxOutputLength: MOST,
    chunkSize: chunkFor(body),
  })

const chunkFor = ({ length }: Buffer): number => Math.min(Math.max(length * 4, 1_024), 64 * 1_024)

const DECODERS: ReadonlyMap<unknown, (body: Buffer) => Buffer> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['br', brotli],
])

export function isDecodable(encoding: unknown): boolean {
  return DECODERS.has(encoding)
}

/** The whole body without its encoding. Undefined for one that is broken, or has more than a few bytes: fetch is to decode it. */
export function decoded(encoding: unknown, body: Buffer): Buffer | undefined {
  try {
    return DECODERS.get(encoding)?.(body)
  } catch {
    return undefined
  }
}
