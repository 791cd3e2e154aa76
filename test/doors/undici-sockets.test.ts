import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { EventSource, WebSocket } from 'undici'
import { expect, it } from 'vitest'
import { createClient, fixed, roundRobin, type Client } from '../../src/index.ts'
import { reply, startServer } from '../support/http-server.ts'
import { until } from '../support/until.ts'

/** The GUID of RFC 6455, section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Accepts every WebSocket, and sends the requested host in one text frame. */
async function startSockets(): Promise<AsyncDisposable & { readonly server: Server; readonly url: string }> {
  const server = createServer()
  server.on('upgrade', ({ headers }, socket) => {
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64')
    socket.on('error', () => {})
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    const { host = '' } = headers
    socket.write(Buffer.concat([Buffer.from([0x81, host.length]), Buffer.from(host)]))
    // The client sends only a close frame. Respond with one.
    socket.once('data', () => socket.end(Buffer.from([0x88, 0])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.close().closeAllConnections()
  }
  return { server, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close }
}

const inFlight = (client: Client): number =>
  client.snapshot().instances.reduce((sum, each) => sum + each.inFlight, 0)

it('undici’s WebSocket goes to an instance, and counts as load until it is closed', async () => {
  await using sockets = await startSockets()
  await using users = createClient({ service: 'user-service', source: fixed([sockets.url]) })
  const socket = new WebSocket('ws://user-service/chat', { dispatcher: users.dispatcher })
  const heard = await new Promise((resolve) => socket.addEventListener('message', resolve))
  expect(heard).toMatchObject({ data: 'user-service' })
  expect(inFlight(users)).toBe(1)
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
  socket.close()
  await closed
  await until(() => inFlight(users) === 0)
})

it('undici’s EventSource reconnects to another instance when its stream has ended', async () => {
  const stream = (name: string): ReturnType<typeof reply> =>
    reply(200, `retry: 1\ndata: ${name}\n\n`, { 'content-type': 'text/event-stream' })
  await using a = await startServer(stream('a'))
  await using b = await startServer(stream('b'))
  const source = fixed([a.url, b.url])
  await using users = createClient({ service: 'user-service', source, balance: roundRobin() })
  const events = new EventSource('http://user-service/news', { node: { dispatcher: users.dispatcher } })
  const heard: unknown[] = []
  await new Promise<void>((resolve) => {
    events.addEventListener('message', ({ data }) => {
      heard.push(data)
      if (heard.length === 2) resolve()
    })
  })
  events.close()
  expect(new Set(heard)).toEqual(new Set(['a', 'b']))
})
