import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import { BodyReader, byteStream } from './byte-stream.ts'
import { Changes } from './changes.ts'
import { RequestKeys, type Asked, type KeyOptions } from './key.ts'
import type { Holder } from './kept.ts'
import { Recorder } from './recorder.ts'
import { isWhole, responseLike } from './response.ts'
import { acceptedAge, revokes, usableFor } from './rules.ts'
import { Shelf } from './shelf.ts'

/** When an old answer is served in the place of an error, and how many answers are kept for that. */
export interface StaleOptions extends KeyOptions {
  /** How old an answer may be when it is served, in ms. */
  maxAge: number
  /** Answers kept. @default 100 */
  maxEntries?: number
  /** Bytes of bodies kept in all. @default 16 MiB */
  maxBytes?: number
  /** Larger bodies are not kept, in bytes. @default 1 MiB */
  maxBodyBytes?: number
}

/** One request, as the cache knows it. */
export interface StaleRequest {
  readonly key: string
  readonly path: string
  readonly headers: Headers
  /** How old an answer its caller accepts, in ms. */
  readonly acceptedAge: number
  /** When it was asked, in the order of changes. */
  readonly tick: number
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

const OPTIONS = ['maxAge', 'maxEntries', 'maxBytes', 'maxBodyBytes', 'ignoreHeaders', 'keyHeaders']
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
 * const request = stale.request({ method: 'GET', url, headers }, 'default')
 * return stale.wrap(request, await send(), true)     // and when that fails:
 * return stale.get(request) ?? fail()
 */
export class StaleCache implements Holder {
  readonly #maxAge: number
  readonly #maxBodyBytes: number
  readonly #keys: RequestKeys
  readonly #clock: Clock
  readonly #shelf: Shelf<Entry>
  readonly #changes = new Changes()

  constructor(options: StaleOptions, clock: Clock, name: string = 'stale') {
    checkObject(name, options, OPTIONS)
    const { maxEntries = 100, maxBytes = 16 * MIB, maxBodyBytes = Math.min(MIB, maxBytes) } = options
    this.#maxAge = checkNumber(`${name}.maxAge`, options.maxAge, { exclusive: true })
    checkNumber(`${name}.maxEntries`, maxEntries, { min: 1, integer: true })
    checkNumber(`${name}.maxBytes`, maxBytes)
    this.#maxBodyBytes = checkNumber(`${name}.maxBodyBytes`, maxBodyBytes, { max: maxBytes })
    this.#keys = new RequestKeys(options, name)
    this.#clock = clock
    this.#shelf = new Shelf(maxEntries, maxBytes)
  }

  /** Undefined for a request that is neither kept nor answered from here. To be taken before it is sent. */
  request(asked: Asked, cacheMode: string): StaleRequest | undefined {
    const accepted = acceptedAge(asked.headers, cacheMode)
    const key = accepted > 0 ? this.#keys.of(asked) : undefined
    if (!key) return undefined
    const { text, path } = key
    return { key: text, path, headers: asked.headers, acceptedAge: accepted, tick: this.#changes.tick() }
  }

  /**
   * Takes note of the service's answer. What the caller gets may be another object than the one given, and stands in
   * for it entirely.
   */
  wrap(request: StaleRequest | undefined, response: Response, isGood: boolean): Response {
    if (!request || !isWhole(response)) return response
    const { key, path, tick } = request
    if (revokes(response, isGood)) {
      // An older answer may still be read, and would be kept after this.
      this.#changes.record(path)
      this.#shelf.delete(key)
    }
    if (!isGood || response.bodyUsed) return response
    const lifetime = usableFor(response, request.headers, this.#keys, this.#maxAge)
    const length = Number(response.headers.get('content-length') ?? 0)
    if (lifetime <= 0) return response
    const headers = new Headers(response.headers)
    for (const name of CONNECTION_HEADERS) headers.delete(name)
    const { url, redirected, type, status, statusText } = response
    const original = { url, redirected, type, status, statusText }
    const at = this.#clock.now()
    const keep = (body: Uint8Array<ArrayBuffer> | null): void => {
      if (this.#changes.since(path, tick)) return
      const known = this.#shelf.peek(key)
      // Of two answers at a time, the later one stays, whichever was read first.
      if (known && known.at > at) return
      this.#shelf.put(key, path, { original, headers, body, at, usableFor: lifetime }, body?.byteLength ?? 0)
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
  get(request: StaleRequest | undefined): Response | undefined {
    const entry = request && this.#shelf.get(request.key)
    if (!entry) return undefined
    const age = this.#clock.now() - entry.at
    if (age > entry.usableFor) {
      this.#shelf.delete(request.key)
      return undefined
    }
    // RFC 9111 §5.1: the time in all caches, theirs included.
    const total = age + (Number.parseInt(entry.headers.get('age') ?? '', 10) || 0) * 1000
    if (total > request.acceptedAge) return undefined
    const headers = new Headers(entry.headers)
    headers.set(STALE_HEADER, String(Math.floor(age / 1000)))
    headers.set('age', String(Math.floor(total / 1000)))
    return responseLike(entry.original, { body: entry.body, headers })
  }

  /** What is kept of this path is gone, and so is what is still being read. */
  changed(path: string): void {
    this.#changes.record(path)
    this.#shelf.deleteGroup(path)
  }

  /** Answers kept. */
  get size(): number {
    return this.#shelf.size
  }
}
