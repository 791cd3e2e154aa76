import * as zlib from 'node:zlib'

const { constants } = zlib

/**
 * The maximum number of bytes after decoding. To decode them takes less than a millisecond. fetch decodes a longer
 * body chunk by chunk.
 */
const MAX_DECODED_BYTES = 256 * 1024

/** fetch rejects a response with more codings. */
const MAX_CODINGS = 5

/** What zlib returns with the option `info`. Node's types do not declare it. */
interface Decoded {
  readonly buffer: Buffer
  /** `bytesWritten` is the number of bytes of the input that were decoded. */
  readonly engine: { readonly bytesWritten: number }
}

interface Decoder {
  readonly decode: (body: Buffer, options: object) => unknown
  /** Options for an incomplete body. Without them, fetch decodes such a body. */
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
/** With the header of zlib, or without it, as some servers send it. */
const DEFLATE: Decoder = {
  decode: (body, options) =>
    ((body[0] ?? 0) & 15) === 8 ? zlib.inflateSync(body, options) : zlib.inflateRawSync(body, options),
}
/** The largest window that fetch accepts since undici 8 (RFC 9659). */
const ZSTD: Decoder = {
  decode: (body, options) => zlib.zstdDecompressSync(body, options),
  options: { params: { [constants.ZSTD_d_windowLogMax]: 23 } },
}

/** The codings that the fetch of this Node version decodes. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['br', BROTLI],
  ['deflate', DEFLATE],
  ...(knowsZstd() ? ([['zstd', ZSTD]] as const) : []),
])

/** fetch decodes zstd since undici 7.11. */
function knowsZstd(): boolean {
  const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number)
  return (major > 7 || (major === 7 && minor >= 11)) && 'zstdDecompressSync' in zlib
}

/**
 * Returns the codings of a body, in the order in which fetch decodes them. The list is empty if fetch leaves the body
 * as it is: there are no codings, or one that it does not know. Returns undefined if fetch rejects the response.
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

/** Returns the decoded body. Returns undefined if the body is broken or too long: then fetch decodes it. */
export function decodeBody(codings: readonly string[], body: Buffer): Buffer | undefined {
  // fetch decodes as much as it can of a truncated body. With several codings, that would be hard to imitate.
  const lenient = codings.length === 1 ? DECODERS.get(codings[0] ?? '')?.lenient : undefined
  let remaining = body
  try {
    for (const coding of codings) {
      const decoder = DECODERS.get(coding)
      if (!decoder || (remaining.length === 0 && !lenient)) return undefined
      // Large chunks would cost more than to decode a short body.
      const chunkSize = Math.min(Math.max(remaining.length * 4, 1_024), 64 * 1_024)
      const options = {
        ...(lenient ?? decoder.options),
        info: true,
        maxOutputLength: MAX_DECODED_BYTES,
        chunkSize,
      }
      const { buffer, engine } = decoder.decode(remaining, options) as Decoded
      // What follows the end of the data may be junk, or another compressed member.
      if (engine.bytesWritten !== remaining.length) return undefined
      remaining = buffer
    }
    return remaining
  } catch {
    return undefined
  }
}
