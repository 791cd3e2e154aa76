import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib'

/** Bytes after decoding that may be made at once, in less than a millisecond; of more, fetch decodes piece by piece. */
const MOST = 256 * 1024

/** As fetch sets them: what is cut off gives as much as it can. */
const GZIP = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST }
const BROTLI = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
  maxOutputLength: MOST,
}

const DECODERS: ReadonlyMap<unknown, (body: Buffer) => Buffer> = new Map([
  ['gzip', (body) => gunzipSync(body, GZIP)],
  ['x-gzip', (body) => gunzipSync(body, GZIP)],
  ['br', (body) => brotliDecompressSync(body, BROTLI)],
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
