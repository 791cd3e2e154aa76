import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sampler } from './sampler.ts'

/** Bytes that may wait for a slow page; further frames are left out for it. */
const MOST_WAITING = 1024 * 1024

/** Sends frames to one page as server-sent events, until it leaves. */
export function stream(sampler: Sampler, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    // Proxies must neither keep, change nor hold it back.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  })
  response.write('retry: 1000\n\n')
  const leave = sampler.watch(({ bytes }) => {
    if (response.writableLength <= MOST_WAITING) response.write(bytes)
  })
  // At once: frames of the last minutes, as many of the newest as a page may be behind.
  let sum = 0
  const missed = sampler.after(lastOf(request)).toReversed()
  const tooMany = missed.findIndex(({ bytes }) => (sum += bytes.length) > MOST_WAITING)
  const sent = tooMany < 0 ? missed : missed.slice(0, tooMany)
  for (const { bytes } of sent.toReversed()) response.write(bytes)
  response.once('close', leave)
  response.on('error', leave)
}

/** The frame that the page had last: by its browser after a broken connection, by the page itself after it was hidden. */
function lastOf({ headers, url = '' }: IncomingMessage): number {
  const last = headers['last-event-id'] ?? URL.parse(url, 'http://dashboard')?.searchParams.get('after')
  return typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : -1
}
