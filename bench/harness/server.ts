import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * A child of the harness: as many servers as it is told, as cheap as they can be, so that the client is what is
 * measured. `GET /flaky` is refused by the first; `/held` is never answered, `/half` never to its end; everything else
 * gets a small JSON document.
 */
const BODY = JSON.stringify({ id: 42, name: 'Ada Lovelace', email: 'ada@example.com', active: true })
const answer = (status: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n` +
  `connection: keep-alive\r\nkeep-alive: timeout=60\r\n\r\n${BODY}`
const OK = Buffer.from(answer('200 OK'), 'latin1')
const HALF = OK.subarray(0, -1)
const UNAVAILABLE = Buffer.from(answer('503 Service Unavailable'), 'latin1')

const servers = Array.from({ length: Number(process.argv[2]) }, (_, index) =>
  createServer({ noDelay: true }, (socket) => {
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
        const path = head.slice('GET /'.length, head.indexOf(' ', 'GET /'.length))
        if (path === 'half') socket.write(HALF)
        else if (path !== 'held') socket.write(index === 0 && path === 'flaky' ? UNAVAILABLE : OK)
        head = head.slice(end + 4)
      }
    })
    socket.on('error', () => {})
  }),
)
for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
process.send?.(servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('disconnect', () => process.exit())
