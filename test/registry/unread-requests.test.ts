import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../src/clock.ts'
import { announceServer } from '../../src/registry/announce-server.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'

const GET = 'GET / HTTP/1.1\r\nhost: s\r\n\r\n'

/** The system's clock, but each sleep ends when the test ends it, or when it is aborted. */
function byHand(): Clock & { end(): void } {
  let sleeper = Promise.withResolvers<void>()
  return {
    ...systemClock,
    sleep: async (_ms, signal) => {
      signal?.throwIfAborted()
      sleeper = Promise.withResolvers<void>()
      signal?.addEventListener('abort', () => sleeper.reject(signal.reason), { once: true })
      await sleeper.promise
    },
    end: () => sleeper.resolve(),
  }
}

const open: { server?: Server; sockets: Socket[] } = { sockets: [] }

afterEach(() => {
  open.server?.close()
  open.server?.closeAllConnections()
  for (const socket of open.sockets.splice(0)) socket.destroy()
})

/** An announced server whose drain has started, and its address. */
async function draining(answer = (): void | Promise<void> => {}) {
  const clock = byHand()
  const server = createServer((_request, response) => {
    void Promise.resolve(answer()).then(() => response.end('answered'))
  }).listen(0, '127.0.0.1')
  open.server = server
  const me = await announceServer(new MemoryRegistry(), 's', server, { clock, drainDelay: 1_000 })
  const { port } = server.address() as AddressInfo
  const client = (): Client => {
    const socket = connect(port, '127.0.0.1')
    open.sockets.push(socket)
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.on('error', (error) => (text += error.message))
    return { socket, text: () => text, closed: once(socket, 'close') }
  }
  return { clock, server, me, client, closed: once(server, 'close') }
}

interface Client {
  readonly socket: Socket
  text(): string
  readonly closed: Promise<unknown>
}

/** Waits for this many answers, or for the end of the connection. */
async function answers({ socket, text }: Client, count: number): Promise<void> {
  while (text().split('answered').length <= count) {
    if (socket.closed) throw new Error(`closed: ${text()}`)
    await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

describe('at the end of the drain', () => {
  it('a request in the socket of an idle connection is read and answered', async () => {
    const { clock, me, client, closed } = await draining()
    const one = client()
    one.socket.write(GET)
    await answers(one, 1)
    const closing = me.close()
    await turn()
    // The request is written but not read: this turn of the event loop has not ended.
    one.socket.write(GET)
    clock.end()
    await answers(one, 2)
    expect(one.text()).toContain('connection: close')
    clock.end()
    await Promise.all([closing, closed, one.closed])
  })

  it('a connection that waits to be accepted is accepted, and its request is answered', async () => {
    const { clock, me, client, closed } = await draining()
    const closing = me.close()
    await turn()
    const late = client()
    late.socket.write(GET)
    // The kernel has accepted the connection, but Node.js has not.
    process.nextTick(() => process.nextTick(() => clock.end()))
    await answers(late, 1)
    expect(late.text()).toContain('200 OK')
    clock.end()
    await Promise.all([closing, closed, late.closed])
  })

  it('a request on a connection that was busy until then is answered too', async () => {
    const asked: (() => void)[] = []
    const { clock, me, client, closed } = await draining(() => new Promise((resolve) => asked.push(resolve)))
    const one = client()
    one.socket.write(GET)
    while (asked.length < 1) await turn()
    const closing = me.close()
    await turn()
    clock.end()
    while (open.server?.listening) await turn()
    // This request was sent before the drain, so its connection stays open.
    asked[0]?.()
    await answers(one, 1)
    one.socket.write(GET)
    clock.end()
    while (asked.length < 2) await turn()
    asked[1]?.()
    await answers(one, 2)
    expect(one.text().split('200 OK')).toHaveLength(3)
    clock.end()
    await Promise.all([closing, closed, one.closed])
  })

  it('a client that never sends a request does not keep the server open', async () => {
    const { clock, me, client, closed } = await draining()
    const silent = client()
    await once(silent.socket, 'connect')
    const closing = me.close()
    await turn()
    const end = setInterval(() => clock.end(), 1)
    const late = client()
    late.socket.write('GET / HT')
    await turn()
    late.socket.destroy()
    silent.socket.end()
    await Promise.all([closing, closed])
    clearInterval(end)
    expect(silent.text()).toBe('')
  })
})
