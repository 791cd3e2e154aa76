import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { cert, key } from '../../test/support/tls.ts'
import { Rng } from '../../src/testing/rng.ts'
import { HEALTHY, type Behaviour, type Order, type Settings } from './behaviour.ts'

/**
 * One instance: a process with one listener for each contender. So no contender is affected by the load of another, and
 * the requests of each are counted. An incident affects all listeners at the same moment.
 */
const { host, lanes, h2, seed, initial } = JSON.parse(process.argv[2] ?? '') as Settings
const BODY = JSON.stringify({ id: 42, name: 'Ada Lovelace' })
let now: Behaviour = { ...HEALTHY, ...initial }
const deadPods = new Set<number>()

class Lane {
  count = 0
  port = 0
  readonly #random = new Rng(seed)
  readonly #sockets = new Map<Socket, { pod: number; last: number }>()
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #waiting: (() => void)[] = []
  #busy = 0
  #nextPod = 0
  readonly #server = h2 ? createSecureServer({ key, cert }) : createServer({ keepAliveTimeout: 60_000 })

  constructor() {
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#receive(request, response)
    })
    this.#server.on('connection', (socket: Socket) => {
      const living = Array.from({ length: now.pods }, (_, pod) => pod).filter((pod) => !deadPods.has(pod))
      const pod = living[this.#nextPod++ % living.length] ?? 0
      this.#sockets.set(socket, { pod, last: performance.now() })
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session)
      session.on('error', () => {}).on('close', () => this.#sessions.delete(session))
    })
    this.#server.on('sessionError', () => {})
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(this.port, host, () => {
        this.port = (this.#server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  /** Behaves like a killed process: every connection breaks, and new ones are refused. */
  die(): void {
    this.#server.close()
    this.reset(() => true)
  }

  /** Behaves like a process that shuts down in order: requests in progress are answered. */
  drain(): void {
    this.#server.close()
    this.goaway()
  }

  goaway(): void {
    for (const session of this.#sessions) session.goaway(0)
  }

  reset(which: (pod: number) => boolean): void {
    for (const [socket, { pod }] of this.#sockets) if (which(pod)) socket.resetAndDestroy()
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    this.count++
    const behaviour = now
    const connection = this.#sockets.get(request.socket)
    if (connection) {
      const idle = performance.now() - connection.last
      connection.last = Infinity
      if (idle > behaviour.forget) return void request.socket.resetAndDestroy()
      response.on('close', () => (connection.last = performance.now()))
    }
    request.resume()
    response.on('error', () => {})
    if (behaviour.hang || Number(request.headers['content-length'] ?? 0) > behaviour.swallow) return
    const concerned = behaviour.tenant === '' || request.headers['x-tenant'] === behaviour.tenant
    if (concerned && this.#random.next() < behaviour.fail) {
      const wait = behaviour.retryAfter > 0 ? { 'retry-after': String(behaviour.retryAfter) } : {}
      response.writeHead(behaviour.status, wait).end()
    } else {
      this.#serve(response, behaviour)
    }
  }

  #serve(response: ServerResponse, behaviour: Behaviour): void {
    if (this.#busy >= behaviour.slots) {
      this.#waiting.push(() => this.#serve(response, behaviour))
      return
    }
    this.#busy++
    setTimeout(() => {
      this.#busy--
      this.#waiting.shift()?.()
      if (response.destroyed) return
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': BODY.length })
      if (this.#random.next() >= behaviour.cut) response.end(BODY)
      else response.write(BODY.slice(0, 10), () => response.destroy())
    }, behaviour.delay)
  }
}

const all = Array.from({ length: lanes }, () => new Lane())
process.on('message', (order: Order) => {
  if (order.do === 'set') now = { ...now, ...order.behaviour }
  else if (order.do === 'count') process.send?.(all.map(({ count }) => count))
  else if (order.do === 'kill-pod') {
    deadPods.add(order.pod)
    for (const lane of all) lane.reset((pod) => pod === order.pod)
  } else if (order.do === 'reset') {
    for (const lane of all) lane.reset(() => true)
  } else {
    for (const lane of all) void lane[order.do]()
  }
})
process.on('disconnect', () => process.exit())
for (const lane of all) await lane.listen()
process.send?.(all.map(({ port }) => `${h2 ? 'https' : 'http'}://${host}:${port}`))
