import type { Socket } from 'node:net'
import { buildConnector, type Pool } from '../undici.ts'

type Connector = ReturnType<typeof buildConnector>

/** A connector that returns the socket before it is connected. undici's connectors do too, but their types do not show it. */
type EarlyConnector = (...args: Parameters<Connector>) => unknown

/**
 * Makes a connector with the same TLS options as the pools of the instances. Its sockets do not keep the
 * process alive. All instances share it, so that they share its TLS sessions and a check needs no full TLS
 * handshake.
 */
export function unrefConnector(transport: Pool.Options, timeout: number): EarlyConnector {
  const isH2c = (transport as Untyped).useH2c === true
  const connect = typeof transport.connect === 'function' ? transport.connect : built(transport, timeout)
  return (options, callback) => {
    const early: unknown = connect(options, (...[error, socket]) => {
      if (socket) {
        keepUnref(socket)
        if (isH2c) speakHttp2(socket)
      }
      if (error) callback(error, null)
      else callback(null, socket)
    })
    if (isSocket(early)) keepUnref(early)
    return early
  }
}

/** Options that undici accepts, but that its types omit or also allow as functions. */
type Untyped = Omit<Pool.Options, 'connect' | 'tls'> & {
  tls?: object
  useH2c?: boolean
  preferH2?: boolean
  connect?: object
}

function built(transport: Pool.Options, timeout: number): Connector {
  const { tls, maxCachedSessions, allowH2, preferH2, useH2c, socketPath, connect } = transport as Untyped
  const { autoSelectFamily, autoSelectFamilyAttemptTimeout } = transport
  return buildConnector({
    ...tls,
    maxCachedSessions,
    allowH2,
    preferH2,
    useH2c,
    socketPath,
    timeout,
    ...(autoSelectFamily !== undefined && { autoSelectFamily, autoSelectFamilyAttemptTimeout }),
    ...connect,
  } as Parameters<typeof buildConnector>[0])
}

/** undici keeps the process alive during a request. A check must not. */
function keepUnref(socket: Socket): void {
  socket.unref()
  socket.ref = () => socket
}

/**
 * undici uses the protocol that ALPN selected. Without TLS, or from a user's `connect` function, no protocol is
 * set.
 */
function speakHttp2(socket: Socket & { alpnProtocol?: unknown }): void {
  socket.alpnProtocol ??= 'h2'
}

function isSocket(value: unknown): value is Socket {
  return typeof (value as { unref?: unknown } | undefined)?.unref === 'function'
}
