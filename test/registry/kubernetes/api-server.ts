import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { systemClock, type Clock } from '../../../src/clock.ts'
import { kubernetes, type KubernetesOptions } from '../../../src/registry/kubernetes.ts'
import type { EndpointSlice } from '../../../src/registry/kubernetes/slices.ts'
import { at, slice, urls } from './support.ts'

export type Handler = (response: ServerResponse, url: URL, request: IncomingMessage) => void

/** An API server that uses one handler per request, and the last handler for all further ones. */
export async function apiServer(...handlers: Handler[]): Promise<{ server: string; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://api')
    const version = url.searchParams.get('resourceVersion')
    requests.push(`${url.searchParams.has('watch') ? 'watch' : 'list'} ${version}`)
    handlers[Math.min(requests.length, handlers.length) - 1]?.(response, url, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

export const named = (name: string, address: string, version: string): EndpointSlice => ({
  ...slice([at(address)]),
  metadata: { name, resourceVersion: version },
})
export const list =
  (version: string, ...items: EndpointSlice[]): Handler =>
  (response) =>
    response.end(JSON.stringify({ metadata: { resourceVersion: version }, items }))
export const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`
export const says =
  (...lines: string[]): Handler =>
  (response) =>
    response.end(lines.join(''))
export const hangs: Handler = (response) => response.flushHeaders()

/** The system's clock plus the offset that the test sets. */
export function skewed(): Clock & { skew: number } {
  return {
    ...systemClock,
    skew: 0,
    now() {
      return systemClock.now() + this.skew
    },
  }
}

/** Returns the urls of each snapshot, until the watch ends or there are `count` snapshots. */
export async function snapshots(options: KubernetesOptions, count: number = Infinity): Promise<string[][]> {
  const stop = new AbortController()
  const seen: string[][] = []
  for await (const instances of kubernetes(options).watch('orders', stop)) {
    seen.push(urls(instances))
    if (seen.length >= count) break
  }
  stop.abort()
  return seen
}
