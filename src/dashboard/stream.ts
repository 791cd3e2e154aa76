import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sampler } from './sampler.ts'

/** Bytes that may wait for a slow page. It then gets no more until it has read them all, and one frame instead of those it missed. */
const MOST_WAITING = 1024 * 1024

/** Sends frames to one page as server-sent events, until it leaves. */
export function stream({ frames, watch }: Sampler, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies must neither keep, change nor hold it back.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  })
  response.write('retry: 1000\n\n')
  let last = lastOf(request)
  const missed = frames.after(last, MOST_WAITING)
  for (const { id, bytes } of missed) {
    response.write(bytes)
    last = id
  }
  let isBehind = missed.length === 0
  const leave = watch((frame) => {
    const { writableLength } = response
    isBehind ||= writableLength > MOST_WAITING
    if (isBehind && writableLength > 0) return
    response.write(isBehind ? frames.merged(last).bytes : frame.bytes)
    isBehind = false
    last = frame.id
  })
  response.once('close', leave)
  response.on('error', leave)
}

/** The frame that the page had last: by its browser after a broken connection, by the page itself after it was hidden. */
function lastOf({ headers, url = '' }: IncomingMessage): number {
  const last = headers['last-event-id'] ?? URL.parse(url, 'http://dashboard')?.searchParams.get('after')
  return typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : -1
}
