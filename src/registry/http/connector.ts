import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'

/** What may be said about TLS; the names are those of `node:tls`. */
export type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'rejectUnauthorized' | 'servername'
>

type Connect = (
  target: { hostname: string; port: string; protocol: string },
  callback: (...result: [null, Socket] | [Error, null]) => void,
) => void

/** Connects for undici: the sockets never keep the process alive, and are in `sockets` as long as they exist. */
export function connector(sockets: Set<Socket>, tls: TlsOptions | undefined): Connect {
  return ({ hostname, port, protocol }, callback) => {
    const secure = protocol === 'https:'
    const target = {
      host: hostname,
      port: Number(port) || (secure ? 443 : 80),
      noDelay: true,
      // A peer that vanished without a word is noticed 10 s after this.
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    }
    const servername = isIP(hostname) ? '' : hostname
    const socket = secure
      ? connectTls({ servername, ...tls, ...target, ALPNProtocols: ['http/1.1'] })
      : connectTcp(target)
    // undici refs a socket whenever it carries a request.
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
