import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sampler } from './sampler.ts'

/**
 * How many bytes may be buffered for a slow page. Beyond that, it gets nothing until it has read them all, and
 * then one frame instead of those it missed.
 */
const MAX_BUFFERED = 1024 * 1024

/** Sends frames to one page as server-sent events, until the connection closes. */
export function stream({ frames, watch }: Sampler, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies must not cache, change or buffer the stream.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  })
  response.write('retry: 1000\n\n')
  let last = lastOf(request)
  const missed = frames.after(last, MAX_BUFFERED)
  for (const { id, bytes } of missed) {
    response.write(bytes)
    last = id
  }
  let isBehind = missed.length === 0
  const leave = watch((frame) => {
    const { writableLength } = response
    isBehind ||= writableLength > MAX_BUFFERED
    if (isBehind && writableLength > 0) return
    response.write(isBehind ? frames.merged(last).bytes : frame.bytes)
    isBehind = false
    last = frame.id
  })
  response.once('close', leave)
  response.on('error', leave)
}

/**
 * Returns the id of the last frame that the page received. The browser sends it after a broken connection, the
 * page itself after it was hidden.
 */
function lastOf({ headers, url = '' }: IncomingMessage): number {
  const last = headers['last-event-id'] ?? URL.parse(url, 'http://dashboard')?.searchParams.get('after')
  return typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : -1
}
