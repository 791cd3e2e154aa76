import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { cert, key } from './certificate.ts'

/**
 * A child process of the harness: a number of servers for HTTP/1.1 and HTTP/2 over TLS. `/held` gets no response, and
 * the response to `/half` never ends.
 */
const BODY = Buffer.from(
  JSON.stringify({ id: 42, name: 'Ada Lovelace', email: 'ada@example.com', active: true }),
)

const servers = Array.from({ length: Number(process.argv[2]) }, () =>
  createSecureServer({ cert, key, allowHTTP1: true }, ({ url }, response) => {
    if (url === '/held') return
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-length', BODY.length)
    if (url === '/half') response.write(BODY.subarray(0, -1))
    else response.end(BODY)
  }).on('sessionError', () => {}),
)
for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
process.send?.(servers.map((server) => `https://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('disconnect', () => process.exit())
