import { readOf } from '../../hooks/thrown.ts'

/**
 * Cancels a body that is not going to be read, as fetch and undici do when they reject a request. Otherwise the file
 * or socket behind a stream stays open. A body that has a reader is left to that reader. Never throws.
 */
export function discardBody(body: unknown, reason: unknown): void {
  try {
    discard(body, reason)
  } catch {
    // The body is a Proxy, or has a getter that throws. The call fails already, with another error.
  }
}

function discard(body: unknown, reason: unknown): void {
  if (typeof body !== 'object' || body === null) return
  if (body instanceof ReadableStream) {
    if (!body.locked) body.cancel(reason).catch(() => {})
  } else if ('destroy' in body && 'pipe' in body && typeof body.destroy === 'function') {
    const stream = body as NodeJS.ReadableStream & { destroy(): void }
    stream.on('error', () => {})
    stream.destroy()
  }
}

/** True if `discardBody` may have something to cancel. */
export function holdsResource(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  return readOf(() => body instanceof ReadableStream || 'destroy' in body, false)
}

/** Discards the bodies of the arguments of fetch. */
export function discardInput(input: unknown, init: unknown, reason: unknown): void {
  for (const each of [input, init])
    discardBody(
      readOf(() => bodyOf(each), undefined),
      reason,
    )
}

function bodyOf(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'body' in given ? given.body : undefined
}
