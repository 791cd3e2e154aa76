import { createServer } from 'node:http'

/** An instance in a separate process. It can be killed, stopped, or set to respond with 503. */
let status = 200
process.on('message', (message: unknown) => {
  if (typeof message === 'number') status = message
})
const server = createServer((_request, response) => {
  response.writeHead(status).end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') process.send?.({ port: address?.port })
})
