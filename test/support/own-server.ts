import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A server on a free port of 127.0.0.1, and what ends it with all its connections. */
export interface OwnServer extends AsyncDisposable {
  /** `127.0.0.1:1234`. */
  readonly host: string
  /** The connections that are open. */
  readonly sockets: ReadonlySet<Socket>
}

/** Listens, and keeps the sockets: a server that only closes waits for connections that are kept alive. */
export async function listenAlone(server: Server): Promise<OwnServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
