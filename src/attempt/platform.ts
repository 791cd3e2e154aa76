import { platformDispatcher } from '../undici-guard.ts'
import type { Dispatcher } from '../undici.ts'

export type Fetch = typeof globalThis.fetch
export type FetchInput = Parameters<Fetch>[0]

/** What built-in fetch takes as `dispatcher`: one method is all it needs. */
export interface FetchDispatcher {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
}

const ours = new WeakSet<FetchDispatcher>()

/** The URL now on its way through `passThrough`, for as long as the call is synchronous. */
let passing: string | undefined

/** Calls whatever is the global fetch now, so that later patches (tracing, mocks) see the call. */
export function fetchThrough(
  dispatcher: FetchDispatcher,
  input: FetchInput,
  init: RequestInit | undefined,
): Promise<Response> {
  ours.add(dispatcher)
  // The platform's own types ask for a whole Dispatcher of its own undici; it uses no more than this.
  return globalThis.fetch(input, { ...init, dispatcher } as unknown as RequestInit)
}

/** Sends a request that is none of ours to the global fetch, untouched. */
export function passThrough(input: FetchInput, init: RequestInit | undefined): Promise<Response> {
  const outer = passing
  passing = urlOf(input)
  try {
    return globalThis.fetch(input, init)
  } finally {
    passing = outer
  }
}

/**
 * True when a client that was made the global fetch is being called by itself: the request has been here
 * before, and belongs to the fetch that was global before it.
 */
export function isReturning(input: FetchInput, init: { dispatcher?: unknown } | undefined): boolean {
  const dispatcher = init?.dispatcher
  if (typeof dispatcher === 'object' && dispatcher !== null && ours.has(dispatcher as FetchDispatcher))
    return true
  return passing !== undefined && urlOf(input) === passing
}

/** Sends on what leaves the service, a redirect to a stranger, the way the platform would. */
export function dispatchElsewhere(
  options: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): boolean {
  return (platformDispatcher() as FetchDispatcher).dispatch(options, handler)
}

function urlOf(input: FetchInput): string {
  return typeof input === 'string' ? input : 'url' in input ? input.url : input.href
}
