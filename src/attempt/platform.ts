import { AsyncLocalStorage } from 'node:async_hooks'
import { platformDispatcher } from '../undici-guard.ts'
import type { FetchInput } from '../typed/call-input.ts'
import type { Dispatcher } from '../undici.ts'

export type Fetch = typeof globalThis.fetch

/** What built-in fetch takes as `dispatcher`: one method is all it needs. */
export interface FetchDispatcher {
  /** Whether fetch is to hand a body down as the caller gave it. */
  readonly isMockActive?: boolean
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** A request on its way from one of our fetches to the global one. */
interface PendingFetch {
  readonly platform: Platform
  readonly url: string
  readonly outer: PendingFetch | undefined
  /** The request has come back, and has been given to the fetch that was global before. */
  readonly hasReturned: boolean
}

/** What was global when this library was loaded. */
const fetchAtImport: Fetch = globalThis.fetch

/** How Node itself writes its `fetch`, which loads undici at the first call. Any other is somebody else's. */
const BUILT_IN =
  /^function fetch\(input, init = undefined\) \{[\s\S]*'internal\/deps\/undici\/undici'[\s\S]*fetchImpl\(input, init\);\s*\}$/

const textAtImport = Function.prototype.toString.call(fetchAtImport)
const isBuiltInAtImport = BUILT_IN.test(textAtImport)

/** Deno's own fetch takes no dispatcher, and would look up the service's name in DNS. undici's fetch works in Deno. */
const ignoresDispatcher = process.versions['deno'] !== undefined && !textAtImport.includes('fetchImpl')

/** Every fetch that this library has made, and the fetch that was global before it. */
const fetchBelow = new WeakMap<Fetch, Fetch>()

/** Notes that this library has made `fetch`: an application may put it in the place of the global one. */
export function registerFetch(fetch: Fetch): void {
  fetchBelow.set(fetch, globalThis.fetch)
}

/** Whether the global fetch is Node's own, or one of ours over Node's own. Nobody else has replaced it, not even before us. */
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
 * The way from one of our fetches to the platform's. It may lead back to where it began, because the global
 * fetch may be that very fetch, or a wrapper around it.
 */
export class Platform {
  /** What was global before this fetch could be. */
  readonly #original: Fetch = globalThis.fetch

  /** Calls whatever is the global fetch now, so that later patches (tracing, mocks) see the call. */
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

  /** The same, with our dispatcher below it. */
  fetchThrough(
    dispatcher: FetchDispatcher,
    input: FetchInput,
    init: RequestInit | undefined,
  ): Promise<Response> {
    if (ignoresDispatcher && isAtImport()) {
      const hint = "globalThis.fetch = undici's fetch before outrigger is imported, or call request()"
      return Promise.reject(new TypeError(`Deno's fetch cannot send to an instance: set ${hint}`))
    }
    // The platform's own types ask for a whole Dispatcher of its own undici; it uses no more than this.
    return this.fetch(input, { ...init, dispatcher } as unknown as RequestInit)
  }

  /** The answer of the fetch that was global before, if the request has been here before; undefined if not. */
  fetchIfReturned(
    input: FetchInput,
    init: { dispatcher?: unknown } | undefined,
  ): Promise<Response> | undefined {
    const isOwn = init?.dispatcher instanceof OwnDispatcher
    if (!isOwn && !pendingFetches.getStore()) return undefined
    const url = urlOf(input)
    const pending = this.#pendingOf(url)
    if (!isOwn && !pending) return undefined
    // It may come back once more: a client made inside of a replaced global fetch takes that one for the original.
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

/** What our fetches give to the platform's, and know again by its class. */
export abstract class OwnDispatcher implements FetchDispatcher {
  /** What an event below fetch makes somebody fetch is no call that comes back. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return pendingFetches.getStore()
      ? pendingFetches.run(undefined, () => this.send(options, handler))
      : this.send(options, handler)
  }

  protected abstract send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** Sends on what leaves the service, a redirect to a stranger, the way the platform would. */
export function dispatchByPlatform(
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): boolean {
  return (platformDispatcher() as FetchDispatcher).dispatch(options, handler)
}

/** The URL as the caller wrote it, in whatever form: fetch takes anything that prints as one. */
export function urlText(input: FetchInput): string {
  return input instanceof Request ? input.url : String(input)
}

/** As `new Request()` would have it. */
function urlOf(input: FetchInput): string {
  const text = urlText(input)
  return URL.parse(text)?.href ?? text
}
