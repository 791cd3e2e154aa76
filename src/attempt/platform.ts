import { AsyncLocalStorage } from 'node:async_hooks'
import { platformDispatcher } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'

export type Fetch = typeof globalThis.fetch
export type FetchInput = Parameters<Fetch>[0]

/** What built-in fetch takes as `dispatcher`: one method is all it needs. */
export interface FetchDispatcher {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** A request on its way from one of our fetches to the global one. */
interface Passage {
  readonly from: Platform
  readonly url: string
  readonly outer: Passage | undefined
}

const passages = new AsyncLocalStorage<Passage | undefined>()

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
    const passage = { from: this, url: urlOf(input), outer: passages.getStore() }
    return passages.run(passage, () => fetch(input, init))
  }

  /** The same, with our dispatcher below it. */
  fetchThrough(
    dispatcher: FetchDispatcher,
    input: FetchInput,
    init: RequestInit | undefined,
  ): Promise<Response> {
    // The platform's own types ask for a whole Dispatcher of its own undici; it uses no more than this.
    return this.fetch(input, { ...init, dispatcher } as unknown as RequestInit)
  }

  /** The answer of the fetch that was global before, if the request has been here before; undefined if not. */
  returning(input: FetchInput, init: { dispatcher?: unknown } | undefined): Promise<Response> | undefined {
    return init?.dispatcher instanceof OwnDispatcher || this.#hasPassed(input)
      ? this.#original(input, init as RequestInit)
      : undefined
  }

  #hasPassed(input: FetchInput): boolean {
    let passage = passages.getStore()
    if (!passage) return false
    const url = urlOf(input)
    while (passage && !(passage.from === this && passage.url === url)) passage = passage.outer
    return passage !== undefined
  }
}

/** What our fetches give to the platform's, and know again by its class. */
export abstract class OwnDispatcher implements FetchDispatcher {
  /** What an event below fetch makes somebody fetch is no call that comes back. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return passages.getStore()
      ? passages.run(undefined, () => this.send(options, handler))
      : this.send(options, handler)
  }

  protected abstract send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

/** Sends on what leaves the service, a redirect to a stranger, the way the platform would. */
export function dispatchOutside(
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
