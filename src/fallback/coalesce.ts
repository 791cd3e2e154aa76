import { AsyncResource } from 'node:async_hooks'
import { checkObject } from '../options.ts'
import { fanOut } from './fan-out.ts'
import { RequestKeys, type KeyedRequest, type KeyOptions } from './key.ts'
import type { Holder } from './kept.ts'
import { isWhole } from './response.ts'
import { acceptedAge, mayShare } from './rules.ts'

/** Which requests count as the same. */
export type CoalesceOptions = KeyOptions

/** One caller's request. */
export interface Joining {
  readonly signal: AbortSignal | undefined
  /** Sends the request for all callers who share it. `shared` aborts when the last of them has left. */
  start(shared: AbortSignal): Promise<Response>
  /** Called when this caller waits for the response to another caller's request. */
  joined?(): void
  /** Sends the request for this caller only, because the shared response must not be given to it. */
  alone(): Promise<Response>
}

/** The key of a shared request. */
export interface SharedKey {
  readonly text: string
  readonly path: string
}

/**
 * The largest number of remembered keys whose responses must not be shared. Callers with such a key do not wait for
 * each other.
 */
const MAX_UNSHARED = 256

/**
 * Lets identical requests that are made at the same time share one. A caller can join until the response headers
 * arrive. Then each caller gets a separate Response. If a response must not be shared, only one caller gets it. The
 * others send their own requests, and so do later callers with that key, until a response may be shared again.
 *
 * @example
 * const response = await coalescer.run(key, { signal, start: (shared) => send(shared), alone: () => send(signal) })
 */
export class Coalescer implements Holder {
  readonly #keys: RequestKeys
  /** By path, then by key. */
  readonly #requests = new Map<string, Map<string, SharedRequest>>()
  /** Least recently used first. */
  readonly #unshared = new Set<string>()

  constructor(options: CoalesceOptions = {}, name = 'coalesce') {
    checkObject(name, options, ['ignoreHeaders', 'keyHeaders'])
    this.#keys = new RequestKeys(options, name)
  }

  /** The number of requests that a caller can join now. */
  get size(): number {
    let size = 0
    for (const requests of this.#requests.values()) size += requests.size
    return size
  }

  /**
   * Returns undefined if the request must not be shared: its method is not GET, or the caller asks for a new response.
   */
  key(asked: KeyedRequest, cacheMode: string): SharedKey | undefined {
    if (asked.method !== 'GET' || acceptedAge(asked.headers, cacheMode) === 0) return undefined
    return this.#keys.of(asked)
  }

  /** A caller's `signal` ends only that caller's wait and the reading of that caller's body. */
  run(key: SharedKey, joining: Joining): Promise<Response> {
    const { signal } = joining
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#unshared.has(key.text)) return joining.alone().then((response) => this.#learn(key, response))
    const known = this.#requests.get(key.path)?.get(key.text)
    if (known) {
      joining.joined?.()
      return known.join(signal, AsyncResource.bind(joining.alone.bind(joining)))
    }
    const request = new SharedRequest({
      closed: () => this.#close(key, request),
      isShared: (response) => !isWhole(response) || mayShare(this.#learn(key, response), this.#keys),
    })
    this.#open(key, request)
    const response = request.join(signal, () => joining.alone())
    request.send((shared) => joining.start(shared))
    return response
  }

  /** A caller that joins after a change must not get a response from before it. */
  changed(path: string): void {
    this.#requests.delete(path)
  }

  #open(key: SharedKey, request: SharedRequest): void {
    const requests = this.#requests.get(key.path)
    if (requests) requests.set(key.text, request)
    else this.#requests.set(key.path, new Map([[key.text, request]]))
  }

  #close(key: SharedKey, request: SharedRequest): void {
    const requests = this.#requests.get(key.path)
    if (requests?.get(key.text) !== request) return
    requests.delete(key.text)
    if (requests.size === 0) this.#requests.delete(key.path)
  }

  #learn(key: SharedKey, response: Response): Response {
    this.#unshared.delete(key.text)
    if (isWhole(response) && !mayShare(response, this.#keys)) this.#unshared.add(key.text)
    if (this.#unshared.size > MAX_UNSHARED) {
      const [oldest = ''] = this.#unshared
      this.#unshared.delete(oldest)
    }
    return response
  }
}

interface Waiter {
  readonly signal: AbortSignal | undefined
  readonly alone: () => Promise<Response>
  readonly resolve: (response: Response) => void
  readonly reject: (reason: unknown) => void
  readonly unlisten: () => void
}

interface SharedRequestRules {
  /** Called when no caller can join any more. */
  closed(): void
  /** True if all callers may get this response. */
  isShared(response: Response): boolean
}

class SharedRequest {
  readonly #controller = new AbortController()
  readonly #waiters = new Set<Waiter>()
  readonly #rules: SharedRequestRules

  constructor(rules: SharedRequestRules) {
    this.#rules = rules
  }

  join(signal: AbortSignal | undefined, alone: () => Promise<Response>): Promise<Response> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#leave(waiter)
      const unlisten = (): void => signal?.removeEventListener('abort', onAbort)
      const waiter: Waiter = { signal, alone, resolve, reject, unlisten }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  send(start: (shared: AbortSignal) => Promise<Response>): void {
    const attempt = async (): Promise<Response> => start(this.#controller.signal)
    attempt()
      .then((response) => this.#deliver(response))
      .catch((error: unknown) => {
        for (const waiter of this.#takeWaiters()) waiter.reject(error)
      })
  }

  #leave(waiter: Waiter): void {
    const reason: unknown = waiter.signal?.reason
    this.#waiters.delete(waiter)
    waiter.reject(reason)
    if (this.#waiters.size > 0) return
    this.#rules.closed()
    this.#controller.abort(reason)
  }

  #deliver(response: Response): void {
    if (this.#waiters.size === 0) {
      response.body?.cancel().catch(() => {})
      return
    }
    const all = [...this.#waiters]
    const takers = this.#rules.isShared(response) ? all : all.slice(0, 1)
    const responses = fanOut(
      response,
      takers.map(({ signal }) => signal),
    )
    this.#takeWaiters()
    for (const [index, waiter] of all.entries()) {
      if (index < takers.length) waiter.resolve(responses[index]!)
      else waiter.alone().then(waiter.resolve, waiter.reject)
    }
  }

  #takeWaiters(): Waiter[] {
    const waiters = [...this.#waiters]
    // If no caller is left, the last one has already closed the request, and a new one may be open under the same key.
    if (waiters.length > 0) this.#rules.closed()
    this.#waiters.clear()
    for (const { unlisten } of waiters) unlisten()
    return waiters
  }
}
