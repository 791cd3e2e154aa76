import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkNumber, checkObject, quote } from '../options.ts'
import { dashboard } from './handler.ts'
import type { DashboardOptions } from './options.ts'
import type { Shown } from './subjects.ts'

/** Options of `serveDashboard()`. */
export interface ServeOptions extends DashboardOptions {
  /** The port. 0 selects a free one. @default 0 */
  port?: number
  /** The address to listen on. @default '127.0.0.1' */
  host?: string
}

/** A dashboard with its own server. */
export interface ServedDashboard extends AsyncDisposable {
  /** The url of the page. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the dashboard with its own server, which does not keep the process alive.
 *
 * @example
 * const { url } = await serveDashboard(fetch, { port: 9000 })
 */
export async function serveDashboard(shown: Shown, options: ServeOptions = {}): Promise<ServedDashboard> {
  checkObject('serveDashboard()', options, ['port', 'host', 'path', 'actions', 'history', 'clock'])
  const { port = 0, host = '127.0.0.1', ...rest } = options
  checkNumber('serveDashboard().port', port, { integer: true, max: 65_535 })
  if (typeof host !== 'string')
    throw new TypeError(`serveDashboard().host must be a string, got ${quote(host)}`)
  const handler = dashboard(shown, rest)
  const { createServer } = await import('node:http')
  const server = createServer((request, response) => {
    if (isAllowedHost(request)) handler(request, response)
    else response.writeHead(403).end('This dashboard is for http://localhost only.')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.unref()
  const { port: bound, family, address } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    handler.close()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}${rest.path ?? ''}/`,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Whether the request is for the name of this machine. By DNS rebinding, a site can make its own name resolve
 * to this machine, so that its pages can read a server that listens on loopback only. The Host header then
 * contains the name of the site.
 */
function isAllowedHost({ socket, headers }: IncomingMessage): boolean {
  const isLocal = isLoopback(socket.localAddress ?? '')
  return !isLocal || isLoopback(URL.parse(`http://${headers.host}`)?.hostname ?? '')
}

function isLoopback(host: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^\[?::1\]?$|^(?:[\w-]+\.)*localhost$/i.test(host)
}
