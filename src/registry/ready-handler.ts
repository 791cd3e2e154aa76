import { warn } from '../hooks/notify.ts'
import { checkMethods, checkObject, quote } from '../options.ts'
import type { ServerAnnouncement } from './announce-server.ts'

/** The part of a request that the handler reads. Requests of node:http and Express have it. */
export interface ReadyRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** In Express, the full path. A router removes its own prefix from `url`. */
  readonly originalUrl?: string | undefined
}

/** The part of a response that the handler uses. Responses of node:http and Express have it. */
export interface ReadyResponse {
  writeHead(status: number, headers: Record<string, string>): unknown
  end(body?: string): unknown
}

/** The middleware that `readyHandler()` makes. */
export type ReadyHandler = (request: ReadyRequest, response: ReadyResponse, next?: () => void) => void

/** Options of `readyHandler()`. */
export interface ReadyHandlerOptions {
  /** The path to answer. Requests for other paths go to `next`. @default '/-/ready' */
  path?: string
}

/**
 * Answers a readiness probe, for example of Kubernetes: 200 while the announcement is `ready`, otherwise 503,
 * also before the server is announced. It answers 503 as soon as `close()` is called, while the server still
 * accepts requests for the drain delay. A request for another path goes to `next`, or gets a 404 if there is no
 * `next`.
 *
 * @example
 * const app = express()
 * const announced = announceServer(registry, 'user-service', app.listen(8080), { health: () => db.isConnected })
 * app.use(readyHandler(announced))
 */
export function readyHandler(
  announced: ServerAnnouncement | PromiseLike<ServerAnnouncement>,
  options: ReadyHandlerOptions = {},
): ReadyHandler {
  checkObject('readyHandler', options, ['path'])
  const { path = '/-/ready' } = options
  if (typeof path !== 'string' || !/^\/[^?#\s]*$/.test(path)) {
    throw new TypeError(`readyHandler.path must be a path such as '/-/ready', got ${quote(path)}`)
  }
  let announcement: ServerAnnouncement | undefined
  if (isAnnouncement(announced)) announcement = announced
  else {
    checkMethods('the announcement, or a promise of it,', announced, ['then'])
    Promise.resolve(announced).then(
      (value) => {
        if (isAnnouncement(value)) announcement = value
        else
          warn(
            WARNING,
            new TypeError(`readyHandler must be given what announceServer() returns, got ${quote(value)}`),
          )
      },
      (error: unknown) => warn(WARNING, error),
    )
  }
  return (request, response, next) => {
    const { method = 'GET', url = '/', originalUrl = url } = request
    if (originalUrl.split('?', 1)[0] !== path || (method !== 'GET' && method !== 'HEAD')) {
      if (next) next()
      else answer(response, 404, 'not found')
    } else if (announcement?.ready) answer(response, 200, 'ready')
    else answer(response, 503, 'not ready')
  }
}

function answer(response: ReadyResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    // The next probe must get a new answer.
    'cache-control': 'no-store',
  })
  response.end(`${text}\n`)
}

function isAnnouncement(value: unknown): value is ServerAnnouncement {
  return typeof (value as { ready?: unknown } | null | undefined)?.ready === 'boolean'
}

const WARNING = {
  message: 'the readiness probe answers 503: the server is not announced',
  code: 'OUTRIGGER_ANNOUNCE',
}
