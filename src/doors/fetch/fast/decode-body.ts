import * as zlib from 'node:zlib'

const { constants } = zlib

/** Bytes after decoding that may be made at once, in less than a millisecond; of more, fetch decodes piece by piece. */
const MAX_DECODED_BYTES = 256 * 1024

/** With more, fetch refuses the answer. */
const MAX_CODINGS = 5

/** What zlib gives with the option `info`, for which Node's types have no result. */
interface Decoded {
  readonly buffer: Buffer
  /** `bytesWritten` counts what was decoded. */
  readonly engine: { readonly bytesWritten: number }
}

interface Decoder {
  readonly decode: (body: Buffer, options: object) => unknown
  /** For a body that is not complete; without, it is left to fetch. */
  readonly lenient?: object
  readonly options?: object
}

const GZIP: Decoder = {
  decode: (body, options) => zlib.gunzipSync(body, options),
  lenient: { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH },
}
const BROTLI: Decoder = {
  decode: (body, options) => zlib.brotliDecompressSync(body, options),
  lenient: { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH },
}
/** With the header of zlib or, as some servers send it, without. */
const DEFLATE: Decoder = {
  decode: (body, options) =>
    ((body[0] ?? 0) & 15) === 8 ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options),
}
/** No larger window than fetch takes since undici 8 (RFC 9659). */
const ZSTD: Decoder = {
  decode: (body, options) => zlib.zstdDecompressSync(body, options),
  options: { params: { [constants.ZSTD_d_windowLogMax]: 23 } },
}

/** The codings that the fetch of this Node knows. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['br', BROTLI],
  ['deflate', DEFLATE],
  ...(knowsZstd() ? ([['zstd', ZSTD]] as const) : []),
])

/** Since undici 7.11. */
function knowsZstd(): boolean {
  const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number)
  return (major > 7 || (major === 7 && minor >= 11)) && 'zstdDecompressSync' in zlib
}

/**
 * The codings of a body, in the order in which fetch takes them away: none if it leaves the body as it is, because there are none or
 * one that it does not know. Undefined if it refuses the answer.
 */
export function codingsOf(header: string | readonly string[] | undefined): readonly string[] | undefined {
  if (header === undefined || header.length === 0) return NONE
  const codings = String(header)
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
  if (codings.length > MAX_CODINGS) return undefined
  return codings.every((each) => DECODERS.has(each)) ? codings.toReversed() : NONE
}

const NONE: readonly string[] = []

/** The whole body without its codings. Undefined for one that is broken, or has more than a few bytes: fetch is to decode it. */
export function decodeBody(codings: readonly string[], body: Buffer): Buffer | undefined {
  // Of a body that is cut off, fetch gives as much as it can. In several codings that would be hard to do the same way.
  const lenient = codings.length === 1 ? DECODERS.get(codings[0] ?? '')?.lenient : undefined
  let left = body
  try {
    for (const coding of codings) {
      const decoder = DECODERS.get(coding)
      if (!decoder || (left.length === 0 && !lenient)) return undefined
      // Large chunks would cost more than the decoding of a short body.
      const chunkSize = Math.min(Math.max(left.length * 4, 1_024), 64 * 1_024)
      const options = {
        ...(lenient ?? decoder.options),
        info: true,
        maxOutputLength: MAX_DECODED_BYTES,
        chunkSize,
      }
      const { buffer, engine } = decoder.decode(left, options) as Decoded
      // What follows the end may be junk, or another body.
      if (engine.bytesWritten !== left.length) return undefined
      left = buffer
    }
    return left
  } catch {
    return undefined
  }
}
