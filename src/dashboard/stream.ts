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
  const last = Number(request.headers['last-event-id'] ?? Number.NaN)
  const leave = sampler.watch(Number.isSafeInteger(last) ? last : -1, ({ id, json }) => {
    // Kept frames are for a page that opens: they may be many at once.
    if (response.writableLength <= MOST_WAITING) response.write(`id: ${id}\ndata: ${json}\n\n`)
  })
  response.once('close', leave)
  response.on('error', leave)
}
