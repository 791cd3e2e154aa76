import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { listenAlone } from '../support/own-server.ts'

export type SecureAnswer = (request: Http2ServerRequest, response: Http2ServerResponse) => unknown

export interface SecureServer extends AsyncDisposable {
  readonly url: string
  readonly host: string
  /** One line per request: HTTP version, TLS server name, host, path. */
  readonly seen: readonly string[]
  readonly sessions: readonly ServerHttp2Session[]
  readonly connections: number
}

/** A TLS server on 127.0.0.1. It speaks HTTP/2 with clients that offer it, and HTTP/1.1 with all others. */
export async function startSecureServer(
  options: SecureServerOptions,
  ...answers: readonly SecureAnswer[]
): Promise<SecureServer> {
  const seen: string[] = []
  const sessions: ServerHttp2Session[] = []
  const script = [...answers]
  let connections = 0
  const server = createSecureServer({ allowHTTP1: true, ...options }, (request, response) => {
    const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket
    const { httpVersion, authority, headers, url } = request
    seen.push(`HTTP/${httpVersion} ${socket.servername} ${authority ?? headers['host']} ${url}`)
    const answer = script.length > 1 ? script.shift() : script[0]
    if (answer) answer(request, response)
    else response.end('secure')
  })
  server.on('session', (session) => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('secureConnection', () => connections++)
  const own = await listenAlone(server)
  return {
    url: `https://${own.host}`,
    host: own.host,
    seen,
    sessions,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  }
}
