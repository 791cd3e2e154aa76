import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/**
 * A child process of the harness: a number of servers that do as little as possible, so that the client is measured.
 * The first server refuses `GET /flaky`. `/held` gets no response, and the response to `/half` never ends. `/large`
 * gets 100 kB, `/huge` 1 MB, `/gzip` a small JSON document with that encoding, and every other path the document
 * unencoded.
 */
const BODY = JSON.stringify({ id: 42, name: 'Ada Lovelace', email: 'ada@example.com', active: true })
const answer = (status: string, body: Buffer = Buffer.from(BODY), more = ''): Buffer => {
  const head =
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n` +
    `connection: keep-alive\r\nkeep-alive: timeout=60\r\n${more}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}
const OK = answer('200 OK')
const HALF = OK.subarray(0, -1)
const UNAVAILABLE = answer('503 Service Unavailable')
const OTHERS: Readonly<Record<string, Buffer>> = {
  large: answer('200 OK', Buffer.alloc(100_000, 'x')),
  huge: answer('200 OK', Buffer.alloc(1_000_000, 'x')),
  gzip: answer('200 OK', gzipSync(BODY), 'content-encoding: gzip\r\n'),
}

const servers = Array.from({ length: Number(process.argv[2]) }, (_, index) =>
  createServer({ noDelay: true }, (socket) => {
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
        const path = head.slice('GET /'.length, head.indexOf(' ', 'GET /'.length))
        if (path === 'half') socket.write(HALF)
        else if (path !== 'held')
          socket.write(index === 0 && path === 'flaky' ? UNAVAILABLE : (OTHERS[path] ?? OK))
        head = head.slice(end + 4)
      }
    })
    socket.on('error', () => {})
  }),
)
for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
process.send?.(servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('disconnect', () => process.exit())
