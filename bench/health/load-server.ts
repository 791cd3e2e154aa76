import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { cert, key } from '../../test/support/tls.ts'

/** Reports its CPU time on request. */
const answer = (_request: unknown, response: { end(): unknown }): unknown => response.end()
const server = process.argv[2] === 'https' ? createSecureServer({ cert, key }, answer) : createServer(answer)
process.on('message', () => process.send?.(process.cpuUsage()))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') process.send?.({ port: address?.port })
})
