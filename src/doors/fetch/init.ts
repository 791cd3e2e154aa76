import { disown } from '../../hooks/disown.ts'
import { isPriority } from '../../limit/priority.ts'
import type { BodySource, CallInit } from '../../typed/call-input.ts'

type RequestHeaders = NonNullable<RequestInit['headers']>

/** Returns the init for fetch, without the members that only this library knows. Never changes the caller's object. */
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
  if (given !== undefined) throw new TypeError('json and body must not both be set')
  const body = JSON.stringify(json)
  if (body === undefined) throw new TypeError(`json must be a JSON value, got ${typeof json}`)
  if (!others.headers) return { ...rest, method, body, headers: { 'content-type': 'application/json' } }
  const headers = new Headers(others.headers)
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return { ...rest, method, body, headers }
}

/**
 * Returns the method as the caller spelled it, if it is the same one: fetch decides itself which methods it changes
 * to upper case.
 */
export function spelledMethod(asked: unknown, method: string): string {
  return typeof asked === 'string' && asked.toUpperCase() === method ? asked : method
}

/**
 * Returns headers that can be read more than once: strategies, keys and each try read them. A generator, or the
 * result of `entries()`, can be read once only.
 */
export function rereadableHeaders(headers: RequestHeaders): RequestHeaders {
  const isIterable = typeof headers === 'object' && Symbol.iterator in headers
  return isIterable && !Array.isArray(headers) && !(headers instanceof Headers) ? [...headers] : headers
}

/**
 * Returns the signal as fetch finds it: null in the init removes the Request's signal. fetch itself rejects a value
 * that is not a signal.
 */
export function signalOf(init: CallInit | undefined, request: Request | undefined): AbortSignal | undefined {
  const signal: unknown = init?.signal === undefined ? request?.signal : init.signal
  return signal instanceof AbortSignal ? signal : undefined
}

/** Returns the init with the body of one try. fetch requires `duplex` with a stream, so it is set here. */
export function withBody(init: RequestInit | undefined, body: BodySource): RequestInit {
  // fetch would send a promise as the text '[object Promise]'.
  if (disown(body)) {
    throw new TypeError('body must be a function that returns a body, got one that returns a promise')
  }
  return { duplex: 'half', ...init, body }
}
