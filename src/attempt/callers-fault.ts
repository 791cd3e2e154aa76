/** What undici finds wrong with a request, whichever instance it is for. */
const CODES: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])

/** Whether an attempt failed for what the caller gave, which says nothing about its instance. */
export function isCallersFault(error: unknown, body: unknown): boolean {
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  if (CODES.has(code)) return true
  const isBodys = typeof body === 'object' && body !== null && 'errored' in body && body.errored === error
  // A broken connection destroys the body with its own error, over HTTP/2 even before it is heard of.
  return isBodys && syscall === undefined && !/^(?:UND_)?ERR_/.test(String(code))
}
