import { AsyncLocalStorage } from 'node:async_hooks'
import { platformDispatcher } from '../undici-guard.ts'
import type { FetchInput } from '../typed/call-input.ts'
import type { Dispatcher } from '../undici.ts'

export type Fetch = typeof globalThis.fetch

/** What the built-in fetch uses of its option `dispatcher`. */
export interface FetchDispatcher {
  /** If true, fetch passes the body to `dispatch` as the caller gave it. */
  readonly isMockActive?: boolean
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** A call that one of this library's fetches has made to the global fetch. */
interface PendingFetch {
  readonly platform: Platform
  readonly url: string
  readonly outer: PendingFetch | undefined
  /** True if the call has come back to `platform`, which then called the fetch that was global before. */
  readonly hasReturned: boolean
}

/** The global fetch at the time when this library was loaded. */
const fetchAtImport: Fetch = globalThis.fetch

/**
 * Matches the source text of Node's own `fetch`, which loads undici when it is first called. If the text does not
 * match, something else has replaced it.
 */
const BUILT_IN =
  /^function fetch\(input, init = undefined\) \{[\s\S]*'internal\/deps\/undici\/undici'[\s\S]*fetchImpl\(input, init\);\s*\}$/

const textAtImport = Function.prototype.toString.call(fetchAtImport)
const isBuiltInAtImport = BUILT_IN.test(textAtImport)

/**
 * Deno's own fetch ignores the option `dispatcher`, and would look up the service's name in DNS. undici's fetch works
 * in Deno.
 */
const ignoresDispatcher = process.versions['deno'] !== undefined && !textAtImport.includes('fetchImpl')

/** Maps each fetch that this library has made to the fetch that was global before it. */
const fetchBelow = new WeakMap<Fetch, Fetch>()

/** Registers a fetch that this library has made. An application may assign it to `globalThis.fetch`. */
export function registerFetch(fetch: Fetch): void {
  fetchBelow.set(fetch, globalThis.fetch)
}

/**
 * True if the global fetch is Node's own, or a fetch of this library over Node's own. False if anything else has
 * replaced it, even before this library was loaded.
 */
export function isBuiltInFetch(): boolean {
  return isBuiltInAtImport && isAtImport()
}

function isAtImport(): boolean {
  let { fetch } = globalThis
  for (let below = fetchBelow.get(fetch); below; below = fetchBelow.get(fetch)) fetch = below
  return fetch === fetchAtImport
}

const pendingFetches = new AsyncLocalStorage<PendingFetch | undefined>()

/**
 * Calls the platform's fetch for one of this library's fetches. The call may come back to the same fetch, because the
 * global fetch may be that fetch, or a wrapper around it.
 */
export class Platform {
  /** The fetch that was global before this one can have replaced it. */
  readonly #original: Fetch = globalThis.fetch

  /** Calls the current `globalThis.fetch`, so that later patches (tracing, mocks) see the call. */
  fetch(input: FetchInput, init: RequestInit | undefined): Promise<Response> {
    const { fetch } = globalThis
    if (fetch === this.#original) return fetch(input, init)
    const pending = {
      platform: this,
      url: urlOf(input),
      outer: pendingFetches.getStore(),
      hasReturned: false,
    }
    return pendingFetches.run(pending, () => fetch(input, init))
  }

  /** Calls the current `globalThis.fetch` with this dispatcher. */
  fetchThrough(
    dispatcher: FetchDispatcher,
    input: FetchInput,
    init: RequestInit | undefined,
  ): Promise<Response> {
    if (ignoresDispatcher && isAtImport()) {
      const hint = "globalThis.fetch = undici's fetch before outrigger is imported, or call request()"
      return Promise.reject(new TypeError(`Deno's fetch cannot send to an instance: set ${hint}`))
    }
    // The platform's types require a complete Dispatcher of its own undici. fetch uses only this much.
    return this.fetch(input, { ...init, dispatcher } as unknown as RequestInit)
  }

  /**
   * Returns the response of the fetch that was global before, if the call has come back to this fetch; otherwise
   * undefined.
   */
  fetchIfReturned(
    input: FetchInput,
    init: { dispatcher?: unknown } | undefined,
  ): Promise<Response> | undefined {
    const isOwn = init?.dispatcher instanceof OwnDispatcher
    if (!isOwn && !pendingFetches.getStore()) return undefined
    const url = urlOf(input)
    const pending = this.#pendingOf(url)
    if (!isOwn && !pending) return undefined
    // The call can come back twice. A client that is made while a replacement of the global fetch is in use takes
    // that replacement for the original.
    const latest = pendingFetches.getStore()
    const isLoop = pending !== undefined && pending === latest && pending.hasReturned
    const original = isLoop ? this.#fetchBelow(pending) : this.#original
    const returned = { platform: this, url, outer: latest, hasReturned: true }
    return pendingFetches.run(returned, () => original(input, init as RequestInit))
  }

  #fetchBelow({ outer }: PendingFetch): Fetch {
    if (this.#original !== fetchAtImport && outer?.platform !== this) return fetchAtImport
    throw new TypeError(
      'the global fetch leads back to this client: import outrigger, or make the client, before you replace globalThis.fetch',
    )
  }

  #pendingOf(url: string): PendingFetch | undefined {
    let pending = pendingFetches.getStore()
    while (pending && !(pending.platform === this && pending.url === url)) pending = pending.outer
    return pending
  }
}

/** A dispatcher that this library passes to the platform's fetch. `fetchIfReturned` recognises it by its class. */
export abstract class OwnDispatcher implements FetchDispatcher {
  /**
   * Sends outside of the pending fetches: if a listener fetches while the request is sent, that is a new call, and
   * not one that has come back.
   */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return pendingFetches.getStore()
      ? pendingFetches.run(undefined, () => this.send(options, handler))
      : this.send(options, handler)
  }

  protected abstract send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** Sends a request that leaves the service, such as a redirect to another host, with the platform's own dispatcher. */
export function dispatchByPlatform(
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): boolean {
  return (platformDispatcher() as FetchDispatcher).dispatch(options, handler)
}

/** Returns the URL of an input as the caller wrote it. fetch accepts any object that converts to text. */
export function urlText(input: FetchInput): string {
  return input instanceof Request ? input.url : String(input)
}

/** Returns the URL as `new Request()` normalises it. */
function urlOf(input: FetchInput): string {
  const text = urlText(input)
  return URL.parse(text)?.href ?? text
}
