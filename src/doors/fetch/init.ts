import { disown } from '../../hooks/disown.ts'
import { isPriority } from '../../limit/priority.ts'
import type { BodySource, CallInit } from '../../typed/call-input.ts'

type RequestHeaders = NonNullable<RequestInit['headers']>

/** What is left for fetch once `params`, `query` and `json` are used up. Never the caller's own object, changed. */
export function platformInit(init: CallInit | undefined, method: string): RequestInit | undefined {
  if (!init) return method === 'GET' ? undefined : { method }
  const { params: _params, query: _query, deadline: _deadline, priority, json, body: given, ...others } = init
  if (others.headers) others.headers = rereadableHeaders(others.headers)
  const rest = priority === undefined || isPriority(priority) ? others : { ...others, priority }
  if (json === undefined) {
    return given === undefined || typeof given === 'function'
      ? { ...rest, method }
      : { ...rest, method, body: given }
  }
  if (given !== undefined) throw new TypeError('give either json or body, not both')
  const body = JSON.stringify(json)
  if (body === undefined) throw new TypeError(`json must be a JSON value, got ${typeof json}`)
  if (!others.headers) return { ...rest, method, body, headers: { 'content-type': 'application/json' } }
  const headers = new Headers(others.headers)
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return { ...rest, method, body, headers }
}

/** The method as the caller spelled it, if it is his: fetch knows which ones it may put in upper case. */
export function spelledMethod(asked: unknown, method: string): string {
  return typeof asked === 'string' && asked.toUpperCase() === method ? asked : method
}

/** Headers for more than one reader: strategies, keys and each try. A generator, or `entries()`, is for one. */
export function rereadableHeaders(headers: RequestHeaders): RequestHeaders {
  const isIterable = typeof headers === 'object' && Symbol.iterator in headers
  return isIterable && !Array.isArray(headers) && !(headers instanceof Headers) ? [...headers] : headers
}

/** As fetch has it: null lets go of the Request's own. Of what is no signal, fetch will say so. */
export function signalOf(init: CallInit | undefined, request: Request | undefined): AbortSignal | undefined {
  const signal: unknown = init?.signal === undefined ? request?.signal : init.signal
  return signal instanceof AbortSignal ? signal : undefined
}

/** A body made afresh for one try. A stream needs `duplex`, which nobody should have to know. */
export function withBody(init: RequestInit | undefined, body: BodySource): RequestInit {
  // It would be sent as the text '[object Promise]'.
  if (disown(body)) {
    throw new TypeError('body must be a function that returns a body, got one that returns a promise')
  }
  return { duplex: 'half', ...init, body }
}
