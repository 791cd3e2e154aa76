import type { Socket } from 'node:net'
import { buildConnector, type Pool } from '../undici.ts'

type Connector = ReturnType<typeof buildConnector>

/** As those of undici, it returns the socket before it is connected, which undici's types do not say. */
type Early = (...args: Parameters<Connector>) => unknown

/**
 * Connects as the pools of the instances do, with the same TLS options. Its sockets never keep the process alive. One for all
 * instances: they share its TLS sessions, and a check costs a server no full handshake.
 */
export function quietConnector(transport: Pool.Options, timeout: number): Early {
  const isH2c = (transport as Untyped).useH2c === true
  const connect = typeof transport.connect === 'function' ? transport.connect : built(transport, timeout)
  return (options, callback) => {
    const early: unknown = connect(options, (...[error, socket]) => {
      if (socket) {
        quieten(socket)
        if (isH2c) speakHttp2(socket)
      }
      if (error) callback(error, null)
      else callback(null, socket)
    })
    if (isSocket(early)) quieten(early)
    return early
  }
}

/** Options that undici takes, and its types leave out or give as functions too. */
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

/** undici holds the process for the time of a request; a check must not. */
function quieten(socket: Socket): void {
  socket.unref()
  socket.ref = () => socket
}

/** undici goes by the protocol that TLS has agreed on; without TLS, and from a `connect` function of the user's, none is named. */
function speakHttp2(socket: Socket & { alpnProtocol?: unknown }): void {
  socket.alpnProtocol ??= 'h2'
}

function isSocket(value: unknown): value is Socket {
  return typeof (value as { unref?: unknown } | undefined)?.unref === 'function'
}
