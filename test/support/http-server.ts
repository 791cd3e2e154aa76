import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What a server does with one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => unknown

export interface TestServer extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, which is also its instance id in `fixed([url])`. */
  readonly host: string
  /** `GET /path`, as they came. */
  readonly requests: readonly string[]
  /** Their headers. */
  readonly headers: readonly IncomingHttpHeaders[]
  /** Connections accepted so far. */
  readonly connections: number
  /** Connections open now. */
  readonly open: number
  /** Bytes of request bodies read so far. */
  readonly received: number
  /** Another behaviour from now on. */
  behave(...answers: readonly Answer[]): void
  /** Resolves once `count` requests have come in all. */
  seen(count: number): Promise<void>
  close(): Promise<void>
}

/**
 * A server on 127.0.0.1 and a free port. Each request gets the next answer; the last one is for all that follow.
 *
 * @example
 * await using server = await startServer(reset, reply(200, 'second time lucky'))
 */
export async function startServer(...answers: readonly Answer[]): Promise<TestServer> {
  const requests: string[] = []
  const headers: IncomingHttpHeaders[] = []
  const sockets = new Set<Socket>()
  const waiting = new Set<{ count: number; resolve: () => void }>()
  let script = [...answers]
  let connections = 0
  let received = 0
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    headers.push(request.headers)
    request.on('data', (chunk: Buffer) => (received += chunk.length))
    for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve()
    const answer = (script.length > 1 ? script.shift() : script[0]) ?? ok
    answer(request, response)
  })
  server.keepAliveTimeout = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://${host}`,
    host,
    requests,
    headers,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    get received() {
      return received
    },
    behave: (...next) => {
      script = [...next]
    },
    seen: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve()
        else waiting.add({ count, resolve })
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

export function reply(status: number, body = '', headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(status, headers).end(body)
}

export const ok: Answer = reply(200, 'ok')

export function redirect(location: string, status = 302): Answer {
  return reply(status, '', { location })
}

/** Takes the request and never answers. */
export const hang: Answer = () => {}

/** RST instead of an answer. */
export const reset: Answer = (request) => request.socket.resetAndDestroy()

/** 200, and then half of the promised body. */
export const truncate: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': '10' })
  response.write('01234', () => request.socket.end())
}

/** 200, half of the promised body, and silence. */
export const stall: Answer = (_request, response) => {
  response.writeHead(200, { 'content-length': '10' }).write('01234')
}

/** The request's body, sent back with its content-type. */
export const echo: Answer = async (request, response) => {
  const body = await buffer(request)
  response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'none' }).end(body)
}

/** An address at which nobody listens. */
export async function refusedUrl(): Promise<string> {
  const server = await startServer()
  await server.close()
  return server.url
}
