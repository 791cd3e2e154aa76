import type { Clock } from '../clock.ts'
import { checkHeaderName, checkNumber, checkObject, quote } from '../options.ts'
import { BodyReader, byteStream } from './byte-stream.ts'
import { RequestKeys } from './key.ts'
import { Recorder } from './recorder.ts'
import { isWhole, responseLike } from './response.ts'
import { Shelf } from './shelf.ts'
import { usableFor } from './storable.ts'

export interface StaleOptions {
  /** How old an answer may be when it is served, in ms. */
  maxAge: number
  /** Answers kept. @default 100 */
  maxEntries?: number
  /** Bytes of bodies kept in all. @default 16 MiB */
  maxBytes?: number
  /** Larger bodies are not kept, in bytes. @default 1 MiB */
  maxBodyBytes?: number
  /** Request headers that change nothing about the answer. All others tell requests apart. */
  ignoreHeaders?: readonly string[]
}

interface Entry {
  readonly original: {
    url: string
    redirected: boolean
    type: Response['type']
    status: number
    statusText: string
  }
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | null
  /** When its headers came. */
  readonly at: number
  readonly usableFor: number
}

const MIB = 1024 * 1024
/** RFC 9111 §3.1: what belongs to the connection is not kept. */
const CONNECTION_HEADERS = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]
/** Marks an answer from the cache; its value is how many seconds ago this client received it. */
export const STALE_HEADER = 'x-outrigger-stale'

/**
 * The last good answers, for when all else fails. An answer is kept when its body has been read to the end, from
 * the very bytes that the caller reads: nothing is delayed, read ahead or requested for the cache.
 *
 * @example
 * const key = stale.key('GET', url, headers)
 * return stale.wrap(key, await send())     // and when that fails:
 * return stale.get(key) ?? fail()
 */
export class StaleCache {
  readonly #maxAge: number
  readonly #maxBodyBytes: number
  readonly #keys: RequestKeys
  readonly #clock: Clock
  readonly #shelf: Shelf<Entry>

  constructor(options: StaleOptions, clock: Clock, name: string = 'stale') {
    checkObject(name, options, ['maxAge', 'maxEntries', 'maxBytes', 'maxBodyBytes', 'ignoreHeaders'])
    const { maxEntries = 100, maxBytes = 16 * MIB, maxBodyBytes = Math.min(MIB, maxBytes) } = options
    const { ignoreHeaders = [] } = options
    if (!Array.isArray(ignoreHeaders)) {
      throw new TypeError(`${name}.ignoreHeaders must be an array, got ${quote(ignoreHeaders)}`)
    }
    this.#maxAge = checkNumber(`${name}.maxAge`, options.maxAge, { exclusive: true })
    checkNumber(`${name}.maxEntries`, maxEntries, { min: 1, integer: true })
    checkNumber(`${name}.maxBytes`, maxBytes)
    this.#maxBodyBytes = checkNumber(`${name}.maxBodyBytes`, maxBodyBytes, { max: maxBytes })
    this.#keys = new RequestKeys(
      ignoreHeaders.map((header) => checkHeaderName(`${name}.ignoreHeaders`, header)),
    )
    this.#clock = clock
    this.#shelf = new Shelf(maxEntries, maxBytes)
  }

  /** What an answer is kept under; undefined if it must not be. */
  key(method: string, url: string, headers: Headers): string | undefined {
    // A caller who says no-store does not want to be answered from a store either (RFC 9111 §5.2.1.5).
    const isAllowed = !headers.get('cache-control')?.toLowerCase().includes('no-store')
    return isAllowed ? this.#keys.of(method, url, headers) : undefined
  }

  /** The response for the caller: it may be another object than the one given, and stands in for it entirely. */
  wrap(key: string | undefined, response: Response): Response {
    if (key === undefined || !isWhole(response) || response.bodyUsed) return response
    const lifetime = usableFor(response, this.#keys, this.#maxAge)
    const length = Number(response.headers.get('content-length') ?? 0)
    if (lifetime <= 0) return response
    const headers = new Headers(response.headers)
    for (const name of CONNECTION_HEADERS) headers.delete(name)
    const { url, redirected, type, status, statusText } = response
    const original = { url, redirected, type, status, statusText }
    const at = this.#clock.now()
    const keep = (body: Uint8Array<ArrayBuffer> | null): void => {
      const known = this.#shelf.peek(key)
      // Of two answers at a time, the later one stays, whichever was read first.
      if (!known || known.at <= at) {
        this.#shelf.put(key, { original, headers, body, at, usableFor: lifetime }, body?.byteLength ?? 0)
      }
    }
    if (response.body === null) {
      keep(null)
      return response
    }
    if (length > this.#maxBodyBytes) return response
    const recorder = new Recorder(new BodyReader(response), this.#maxBodyBytes, keep)
    return responseLike(response, { body: byteStream(recorder), headers: response.headers })
  }

  /** A new Response from the last good answer, if there is one that is young enough. */
  get(key: string | undefined): Response | undefined {
    const entry = key === undefined ? undefined : this.#shelf.get(key)
    if (key === undefined || !entry) return undefined
    const age = this.#clock.now() - entry.at
    if (age > entry.usableFor) {
      this.#shelf.delete(key)
      return undefined
    }
    const seconds = Math.floor(age / 1000)
    const headers = new Headers(entry.headers)
    headers.set(STALE_HEADER, String(seconds))
    // RFC 9111 §5.1: the time in all caches, theirs included.
    headers.set('age', String(seconds + (Number.parseInt(headers.get('age') ?? '', 10) || 0)))
    return responseLike(entry.original, { body: entry.body, headers })
  }

  /** Answers kept. */
  get size(): number {
    return this.#shelf.size
  }
}
