import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { inspect } from 'node:util'
import type { Instance } from '../../src/registry/source.ts'

export interface FakeServer extends AsyncDisposable {
  readonly url: string
  /** `POST /v3/kv/range` and so on, as they came. */
  readonly requests: string[]
  /** Open connections. */
  readonly connections: number
  /** All connections there ever were. */
  readonly seen: number
}

/** A server on 127.0.0.1 that says whatever a test needs a registry to say. */
export async function serve(handle: RequestListener, port = 0): Promise<FakeServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handle(request, response)
  })
  return listen(server, requests, port)
}

/** A TCP server that accepts and says nothing. */
export async function silence(): Promise<FakeServer> {
  return listen(createTcpServer((socket) => socket.resume()))
}

/** Counts the connections to a real server which pass through it. */
export async function countingProxy(port: number): Promise<FakeServer> {
  const server = createTcpServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
  })
  return listen(server)
}

async function listen(server: TcpServer, requests: string[] = [], port = 0): Promise<FakeServer> {
  const sockets = new Set<Socket>()
  let seen = 0
  server.on('connection', (socket: Socket) => {
    seen++
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return sockets.size
    },
    get seen() {
      return seen
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

/** The next snapshots of a watch, one at a time. */
export function reader(snapshots: AsyncIterable<readonly Instance[]>): {
  next(): Promise<readonly Instance[]>
  /** The end of the watch: undefined when it was planned, else the error. */
  end(): Promise<unknown>
} {
  const iterator = snapshots[Symbol.asyncIterator]()
  return {
    next: async () => {
      const { value, done } = await iterator.next()
      if (done) throw new Error('the watch ended')
      return value
    },
    end: async () => {
      try {
        while (!(await iterator.next()).done);
        return undefined
      } catch (error) {
        return error
      }
    },
  }
}

/** Everything an error can show to whoever logs it. */
export function shown(error: unknown): string {
  return `${String(error)}\n${inspect(error, { depth: Infinity, showHidden: true })}\n${JSON.stringify(error)}`
}

/** Resolves as soon as `condition` holds; the test's own timeout bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}
