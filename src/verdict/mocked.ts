import { isErrored, type Readable } from 'node:stream'
import { OutriggerError } from '../errors.ts'
import { readOf } from '../hooks/thrown.ts'

/** What fetch, and the mocks that stand in for it, reject with when the network fails. */
const NETWORK = new Set(['fetch failed', 'Failed to fetch'])
const CODE = /^(?:E[A-Z]{3,}|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT|CONNECT))$/

/**
 * Whether a fetch that never sent anything has failed as the network does: a mock in the place of the platform's fetch says so.
 * The platform itself rejects before it sends only for what is wrong with the request, with a TypeError that says what.
 */
export function isNetworkFailure(error: unknown): boolean {
  return readOf(() => isOfNetwork(error), false)
}

function isOfNetwork(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof OutriggerError || error instanceof DOMException)
    return false
  const { message, cause, code } = error as Error & { code?: unknown }
  const reason = (cause ?? {}) as { message?: unknown; code?: unknown }
  if ([code, reason.code].some((each) => typeof each === 'string' && CODE.test(each))) return true
  // A code of any other kind: the error of the request, or of whoever gave the body.
  if (typeof (code ?? reason.code) === 'string') return false
  // With "bad port" fetch refuses the request itself: there are ports to which it never connects, whatever the instance.
  if (error instanceof TypeError) return NETWORK.has(message) && reason.message !== 'bad port'
  return error.name !== 'AbortError' && error.name !== 'TimeoutError' && !(error instanceof RangeError)
}

/** Whether the error may be of the caller's own body, which a mock has read: it says nothing about the instance. */
export function isOfBody(error: unknown, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  try {
    if (isErrored(body as Readable)) return true
    // A generator does not tell whether it has failed.
    const isGenerator = Symbol.asyncIterator in body && !('getReader' in body) && !('destroy' in body)
    return (
      isGenerator && !(error instanceof TypeError) && !CODE.test(String((error as { code?: unknown })?.code))
    )
  } catch {
    // It cannot be looked at: a Proxy of the caller's.
    return true
  }
}
