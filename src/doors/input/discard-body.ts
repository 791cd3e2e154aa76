import { readOf } from '../../hooks/thrown.ts'

/**
 * Ends a body that nobody is going to read, as fetch and undici do when they refuse a request: the file or socket behind
 * a stream stays open otherwise. A body that somebody has begun to read is that reader's.
 */
export function discardBody(body: unknown, reason: unknown): void {
  try {
    discard(body, reason)
  } catch {
    // A Proxy, or a getter that throws. The call fails already, with an error of its own.
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

/** Whether `discardBody` has anything to end. */
export function holdsResource(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  return body instanceof ReadableStream || 'destroy' in body
}

/** The same for what a fetch was given. */
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
