import type { Clock } from '../clock.ts'
import { checkNumber, checkObject } from '../options.ts'
import { BodyReader, byteStream } from './byte-stream.ts'
import { Changes } from './changes.ts'
import { RequestKeys, type KeyedRequest, type KeyOptions } from './key.ts'
import type { Holder } from './kept.ts'
import { Recorder } from './recorder.ts'
import { isWhole, responseLike } from './response.ts'
import { acceptedAge, revokes, usableFor } from './rules.ts'
import { LruCache } from './lru-cache.ts'

/** When a stored response is served in place of an error, and how many are stored. */
export interface StaleOptions extends KeyOptions {
  /** The maximum age of a stored response when it is served, in milliseconds. */
  maxAge: number
  /** The maximum number of stored responses. @default 100 */
  maxEntries?: number
  /** The maximum size of all stored bodies, in bytes. @default 16 MiB */
  maxBytes?: number
  /** The maximum size of a stored body, in bytes. Responses with larger bodies are not stored. @default 1 MiB */
  maxBodyBytes?: number
}

/** A request as the cache sees it. */
export interface StaleRequest {
  readonly key: string
  readonly path: string
  readonly headers: Headers
  /** The maximum age that the caller accepts, in milliseconds. */
  readonly acceptedAge: number
  /** The number of the request in the order of requests and changes. */
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
  /** When its headers arrived, in milliseconds of the clock. */
  readonly at: number
  readonly usableFor: number
}

const OPTIONS = ['maxAge', 'maxEntries', 'maxBytes', 'maxBodyBytes', 'ignoreHeaders', 'keyHeaders']
const MIB = 1024 * 1024
/** Headers that belong to the connection are not stored (RFC 9111, section 3.1). */
const CONNECTION_HEADERS = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]
/** Marks a response from the cache. Its value is the time since this client received the response, in seconds. */
const STALE_HEADER = 'x-outrigger-stale'

/**
 * Stores the last good responses, for the time when the service fails. A response is stored when its caller has read
 * the body to the end, from the same bytes. So the cache causes no delay, no reading ahead and no extra request.
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
  readonly #entries: LruCache<Entry>
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
    this.#entries = new LruCache(maxEntries, maxBytes)
  }

  /**
   * Returns undefined if the request is neither stored nor answered from the cache. Must be called before the request
   * is sent.
   */
  request(asked: KeyedRequest, cacheMode: string): StaleRequest | undefined {
    const accepted = acceptedAge(asked.headers, cacheMode)
    const key = accepted > 0 ? this.#keys.of(asked) : undefined
    if (!key) return undefined
    const { text, path } = key
    return { key: text, path, headers: asked.headers, acceptedAge: accepted, tick: this.#changes.tick() }
  }

  /**
   * Processes a response of the service. Returns the response for the caller. It may be another object than `response`,
   * and replaces it.
   */
  wrap(request: StaleRequest | undefined, response: Response, isGood: boolean): Response {
    if (!request || !isWhole(response)) return response
    const { key, path, tick } = request
    if (revokes(response, isGood)) {
      // An older response may still be read. This prevents it from being stored afterwards.
      this.#changes.record(path)
      this.#entries.delete(key)
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
      const known = this.#entries.peek(key)
      // Of two responses the later one stays, whichever was read first.
      if (known && known.at > at) return
      this.#entries.put(
        key,
        path,
        { original, headers, body, at, usableFor: lifetime },
        body?.byteLength ?? 0,
      )
    }
    if (response.body === null) {
      keep(null)
      return response
    }
    if (length > this.#maxBodyBytes) return response
    const recorder = new Recorder(new BodyReader(response), this.#maxBodyBytes, keep)
    return responseLike(response, { body: byteStream(recorder), headers: response.headers })
  }

  /** Returns a new Response from the stored one, if there is one that is not too old. */
  get(request: StaleRequest | undefined): Response | undefined {
    const entry = request && this.#entries.get(request.key)
    if (!entry) return undefined
    const age = this.#clock.now() - entry.at
    if (age > entry.usableFor) {
      this.#entries.delete(request.key)
      return undefined
    }
    // The Age header counts the time in all caches, including those of the service (RFC 9111, section 5.1).
    const total = age + (Number.parseInt(entry.headers.get('age') ?? '', 10) || 0) * 1000
    if (total > request.acceptedAge) return undefined
    const headers = new Headers(entry.headers)
    headers.set(STALE_HEADER, String(Math.floor(age / 1000)))
    headers.set('age', String(Math.floor(total / 1000)))
    return responseLike(entry.original, { body: entry.body, headers })
  }

  /** Deletes what is stored of this path, and prevents bodies that are still being read from being stored. */
  changed(path: string): void {
    this.#changes.record(path)
    this.#entries.deleteGroup(path)
  }

  /** The number of stored responses. */
  get size(): number {
    return this.#entries.size
  }
}
