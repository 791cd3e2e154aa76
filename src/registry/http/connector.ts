import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { quote } from '../../options.ts'
import { checkTls, type TlsOptions } from './tls.ts'
import { connect as connectTls } from 'node:tls'

export type { TlsOptions }

/**
 * TLS options, or a function that returns them. The function is called for each new connection, so certificates
 * may change.
 */
export type TlsSource = TlsOptions | (() => TlsOptions | Promise<TlsOptions>)

type Connect = (
  target: { hostname: string; port: string; protocol: string },
  callback: (...result: [null, Socket] | [Error, null]) => void,
) => void

/**
 * Makes a `connect` function for undici. Its sockets do not keep the process alive, and `sockets` contains each
 * one until it closes.
 */
export function connector(sockets: Set<Socket>, tls: TlsSource | undefined): Connect {
  if (typeof tls !== 'function') return connectWith(sockets, tls)
  return (target, callback) => {
    Promise.resolve()
      .then(tls)
      .then(checkTls)
      .then(
        (options) => connectWith(sockets, options)(target, callback),
        (error: unknown) => callback(asError(error), null),
      )
  }
}

function connectWith(sockets: Set<Socket>, tls: TlsOptions | undefined): Connect {
  return ({ hostname, port, protocol }, callback) => {
    const secure = protocol === 'https:'
    const target = {
      host: hostname,
      port: Number(port) || (secure ? 443 : 80),
      noDelay: true,
      // TCP keep-alive starts after 15 s without data. A peer that vanished is then detected after 10 s more.
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    }
    const servername = isIP(hostname) ? '' : hostname
    let socket: Socket
    try {
      socket = secure
        ? connectTls({ servername, ...tls, ...target, ALPNProtocols: ['http/1.1'] })
        : connectTcp(target)
    } catch (error) {
      // The certificate or key cannot be read, for example because it is being written.
      callback(asError(error), null)
      return
    }
    // undici calls ref() for each request, which would keep the process alive.
    socket.unref().ref = () => socket
    sockets.add(socket)
    let waiting: typeof callback | undefined = callback
    const settle: typeof callback = (...result) => {
      waiting?.(...result)
      waiting = undefined
    }
    socket
      .on('close', () => sockets.delete(socket))
      .on('error', (error) => settle(error, null))
      .once(secure ? 'secureConnect' : 'connect', () => settle(null, socket))
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(quote(error))
}
