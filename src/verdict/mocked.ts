import { isErrored, type Readable } from 'node:stream'
import { OutriggerError } from '../errors.ts'
import { readOf } from '../hooks/thrown.ts'

/** The messages with which fetch, and mocks of it, reject when the network fails. */
const NETWORK = new Set(['fetch failed', 'Failed to fetch'])
const CODE = /^(?:E[A-Z]{3,}|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT|CONNECT))$/

/**
 * True if a fetch that never sent anything failed like a network. Only a mock of fetch does this: before it sends
 * anything, the platform's fetch rejects only because of an invalid request, with a TypeError that says what is wrong.
 */
export function isNetworkFailure(error: unknown): boolean {
  return readOf(() => looksLikeNetwork(error), false)
}

function looksLikeNetwork(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof OutriggerError || error instanceof DOMException)
    return false
  const { message, cause, code } = error as Error & { code?: unknown }
  const reason = (cause ?? {}) as { message?: unknown; code?: unknown }
  if ([code, reason.code].some((each) => typeof each === 'string' && CODE.test(each))) return true
  // Any other code belongs to an error of the request or of the body.
  if (typeof (code ?? reason.code) === 'string') return false
  // With "bad port" fetch rejects the request itself: it never connects to certain ports.
  if (error instanceof TypeError) return NETWORK.has(message) && reason.message !== 'bad port'
  return error.name !== 'AbortError' && error.name !== 'TimeoutError' && !(error instanceof RangeError)
}

/** True if the error may come from the caller's body, which a mock has read. Then it tells nothing about the instance. */
export function mayComeFromBody(error: unknown, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  try {
    if (isErrored(body as Readable)) return true
    // A generator does not show whether it has failed.
    const isGenerator = Symbol.asyncIterator in body && !('getReader' in body) && !('destroy' in body)
    return (
      isGenerator && !(error instanceof TypeError) && !CODE.test(String((error as { code?: unknown })?.code))
    )
  } catch {
    // The body cannot be inspected, like a Proxy of the caller.
    return true
  }
}
