import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { act, authorized, isSameOrigin, type Answer } from './actions.ts'
import { explain } from './explain.ts'
import { settingsOf, type DashboardOptions } from './options.ts'
import { Sampler } from './sampler.ts'
import { stream } from './stream.ts'
import { listOf, type Shown } from './subjects.ts'

/**
 * A request handler for node:http, Express, Connect and similar frameworks. `next` is called for other paths
 * than those of the dashboard.
 */
export interface DashboardHandler {
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void
  /** Ends the streams of all pages. */
  close(): void
}

const SCRIPTS = ['main', 'frames', 'views', 'instances', 'log', 'charts', 'history', 'names', 'elements']

/** The files of the page, by the path after the mount point. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/tables.css': ['tables.css', 'text/css; charset=utf-8'],
  ...Object.fromEntries(
    SCRIPTS.map((name) => [`/${name}.js`, [`${name}.js`, 'text/javascript; charset=utf-8']] as const),
  ),
}

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/**
 * Returns the live dashboard of clients, or of an app-wide fetch, as a request handler. Nothing is measured
 * while no page is open. Mount it where only authorized people can reach it.
 *
 * @example
 * app.use('/ops', dashboard(fetch))
 *
 * @example
 * createServer(dashboard([users, orders])).listen(9000, '127.0.0.1')
 */
export function dashboard(shown: Shown, options: DashboardOptions = {}): DashboardHandler {
  const list = listOf(shown)
  const { path, authorize, history, clock } = settingsOf(options)
  const sampler = new Sampler(list, clock, history)
  const open = new Set<ServerResponse>()

  const answer = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const { method = 'GET' } = request
    const rest = url.pathname.slice(path.length)
    const isRead = method === 'GET' || method === 'HEAD'
    if (isRead && lacksSlash(request, rest)) {
      // The page loads files by relative URLs, so its path must end with a slash. The location is relative too,
      // because a proxy may add a prefix.
      const name = url.pathname === '/' ? mountOf(request) : url.pathname
      response.writeHead(308, { ...HEADERS, location: `./${name.slice(name.lastIndexOf('/') + 1)}/` }).end()
    } else if (rest === '/events' && method === 'GET') {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
      open.add(response)
      response.once('close', () => open.delete(response))
      stream(sampler, request, response)
    } else if (rest === '/explain' && method === 'GET') send(response, explain(list, url))
    else if (rest === '/may-act' && method === 'GET') {
      send(response, {
        status: 200,
        body: { mayAct: (await authorized(authorize, request, clock)) !== undefined },
      })
    } else if (rest === '/act' && method === 'POST') {
      const who = isSameOrigin(request) ? await authorized(authorize, request, clock) : undefined
      send(response, who === undefined ? REFUSED : await act(list, request, who))
    } else if (Object.hasOwn(FILES, rest) && isRead) {
      const [file, type] = FILES[rest] ?? ['', '']
      const content = await readFile(new URL(`./page/${file}`, import.meta.url))
      response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': content.length })
      response.end(method === 'HEAD' ? undefined : content)
    } else return false
    return true
  }

  const handler = (
    request: IncomingMessage,
    response: ServerResponse,
    next?: (error?: unknown) => void,
  ): void => {
    const pass = (): void => {
      if (next) next()
      else send(response, { status: 404, body: { error: 'not found' } })
    }
    const url = URL.parse(`http://dashboard${request.url ?? '/'}`)
    const isOurs = url && (url.pathname === path || url.pathname.startsWith(`${path}/`))
    if (!isOurs) {
      pass()
      return
    }
    answer(request, response, url).then(
      (isAnswered) => {
        if (!isAnswered) pass()
      },
      (error: unknown) => {
        if (next) next(error)
        else if (response.headersSent) response.destroy()
        else send(response, { status: 500, body: { error: 'the dashboard failed' } })
      },
    )
  }
  return Object.assign(handler, {
    close: () => {
      sampler.close()
      for (const response of open) response.end()
    },
  })
}

const REFUSED: Answer = { status: 403, body: { error: 'not allowed' } }

/** The path where a framework has mounted the handler, if the framework reports it. */
function mountOf({ originalUrl }: IncomingMessage & { originalUrl?: unknown }): string {
  return typeof originalUrl === 'string'
    ? (URL.parse(`http://dashboard${originalUrl}`)?.pathname ?? '/')
    : '/'
}

/** Whether the page was requested without a trailing slash. Express removes the mount point and adds a slash. */
function lacksSlash(request: IncomingMessage, rest: string): boolean {
  return rest === '' || (rest === '/' && !mountOf(request).endsWith('/'))
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
