/** Reading a few kilobytes to their end is cheaper than a new connection. */
const SMALL = 64 * 1024

/** Frees the connection of an answer nobody will read: drains it when it is small, cancels it otherwise. */
export function discardBody(body: ReadableStream | null, contentLength: string | null): void {
  if (!body || body.locked) return
  const small = contentLength !== null && Number(contentLength) <= SMALL
  const done = small ? body.pipeTo(new WritableStream()) : body.cancel()
  done.catch(() => {})
}
