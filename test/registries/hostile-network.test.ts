import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { Redis } from 'ioredis'
import zk from 'node-zookeeper-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createClient, type Instance, type Source } from '../../src/index.ts'
import { consul } from '../../src/registry/consul.ts'
import { etcd } from '../../src/registry/etcd.ts'
import { http } from '../../src/registry/http.ts'
import { redis } from '../../src/registry/redis.ts'
import { zookeeper } from '../../src/registry/zookeeper.ts'
import type { Registrar } from '../../src/registry/source.ts'
import { startConsul, startEtcd, startRedis, startZooKeeper } from '../support/servers/index.ts'
import { until } from './fake-http.ts'
import { startListServer } from './list-server.ts'

vi.setConfig({ testTimeout: 40_000, hookTimeout: 60_000 })

type Mode = 'honest' | 'drip' | 'stall' | 'cut' | 'garbage'

/** As long as the head of an answer, or its first frame: what comes is believed to begin well. */
const BEGINNING = 100

/** Stands in front of a registry, and does to its answers what a bad network or a broken middlebox does. */
class HostileProxy {
  mode: Mode = 'honest'
  readonly #sockets = new Set<Socket>()
  readonly #server

  constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, '127.0.0.1')
      const end = (): void => {
        client.destroy()
        upstream.destroy()
      }
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket)
        socket.on('error', end).on('close', () => {
          this.#sockets.delete(socket)
          end()
        })
      }
      client.pipe(upstream)
      void this.#answer(upstream, client).catch(end)
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async #answer(upstream: Socket, client: Socket): Promise<void> {
    for await (const chunk of upstream as AsyncIterable<Buffer>) {
      if (this.mode === 'honest') client.write(chunk)
      else if (this.mode === 'drip') {
        for (const byte of chunk) {
          client.write(Buffer.from([byte]))
          await setImmediate()
        }
      } else if (this.mode === 'garbage') client.write(chunk.map((byte) => byte ^ 0xa5))
      else {
        client.write(chunk.subarray(0, Math.min(BEGINNING, chunk.length - 1)))
        if (this.mode === 'cut') throw new Error('cut')
        // The rest of it never comes, and nor does anything after it.
        upstream.resume()
        return
      }
    }
    client.end()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A registry, written to directly and read through the proxy. */
interface Place {
  readonly port: number
  source(port: number): Source
  put(service: string, instance: Instance): Promise<unknown>
  close(): unknown
}

const context = { signal: new AbortController().signal }
const closing: (() => unknown)[] = []

/** Registers, and renews as long as the tests take. */
function registering(registrar: Registrar): Place['put'] {
  return async (service, instance) => {
    const lease = await registrar.register(service, instance, context)
    const timer = setInterval(() => void lease.renew(context), lease.ttl / 3)
    closing.push(() => clearInterval(timer))
  }
}

const places: Record<string, () => Promise<Place>> = {
  etcd: async () => {
    const server = await startEtcd()
    const options = { timeout: 1_500, probeInterval: 500 }
    return {
      port: server.port,
      source: (port) => etcd({ endpoints: `http://127.0.0.1:${port}`, ...options }),
      put: registering(etcd({ endpoints: server.url })),
      close: () => server.close(),
    }
  },
  consul: async () => {
    const server = await startConsul()
    return {
      port: server.port,
      source: (port) => consul({ url: `http://127.0.0.1:${port}`, wait: 1_000, timeout: 1_500 }),
      put: registering(consul({ url: server.url })),
      close: () => server.close(),
    }
  },
  http: async () => {
    const lists = await startListServer()
    const all = new Map<string, Instance[]>()
    return {
      port: Number(new URL(lists.url).port),
      source: (port) =>
        http({
          url: `http://127.0.0.1:${port}/long-poll/{service}`,
          mode: 'long-poll',
          wait: 1_000,
          timeout: 1_500,
        }),
      put: async (service, instance) => {
        const list = [...(all.get(service) ?? []), instance]
        all.set(service, list)
        lists.set(service, list)
      },
      close: () => lists[Symbol.asyncDispose](),
    }
  },
  redis: async () => {
    const server = await startRedis()
    const direct = new Redis(server.port, '127.0.0.1')
    return {
      port: server.port,
      source: (port) => {
        const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 100 })
        // What the client says of its connection is its user's to hear.
        client.on('error', () => {})
        closing.push(() => client.disconnect())
        return redis({ client, poll: 300, timeout: 1_500 })
      },
      put: registering(redis({ client: direct })),
      close: async () => {
        direct.disconnect()
        await server.close()
      },
    }
  },
  zookeeper: async () => {
    const server = await startZooKeeper()
    const open = (port: number): ReturnType<typeof zk.createClient> => {
      const client = zk.createClient(`127.0.0.1:${port}`, { sessionTimeout: 2_000, spinDelay: 100 })
      client.connect()
      closing.push(() => client.close())
      return client
    }
    return {
      port: server.port,
      source: (port) => zookeeper({ client: () => open(port), poll: 300, timeout: 1_500 }),
      put: registering(zookeeper({ client: open(server.port) })),
      close: () => server.close(),
    }
  },
}

const one: Instance = { id: 'one', url: 'http://10.0.0.1:8080' }
const two: Instance = { id: 'two', url: 'http://10.0.0.2:8080' }

describe.each(Object.keys(places))('%s behind a network that', (name) => {
  let place: Place

  beforeAll(async () => {
    place = await (places[name] as () => Promise<Place>)()
  })
  afterAll(async () => {
    for (const close of closing.splice(0).toReversed()) close()
    await place.close()
  })

  // node-zookeeper-client throws out of its own socket's listener when it is sent garbage: nobody can hear of that.
  const modes: Mode[] = ['drip', 'stall', 'cut', ...(name === 'zookeeper' ? [] : (['garbage'] as const))]

  it.each(modes)('%ss: lists nothing that is not there, and is right again when that ends', async (mode) => {
    const service = `users-${mode}`
    const proxy = new HostileProxy(place.port)
    const source = place.source(await proxy.listen())
    await place.put(service, one)
    const client = createClient({ service, source })
    const ids = (): string =>
      client
        .snapshot()
        .instances.map(({ instance }) => `${instance.id} ${instance.url}`)
        .toSorted()
        .join()
    const [first, both] = ['one http://10.0.0.1:8080', 'one http://10.0.0.1:8080,two http://10.0.0.2:8080']
    try {
      await until(() => ids() === first)
      proxy.mode = mode
      await place.put(service, two)
      const seen = new Set<string>()
      const look = (): string => {
        const now = ids()
        seen.add(now)
        return now
      }
      // Small pieces are an answer like any other.
      if (mode === 'drip') await until(() => look() === both)
      else {
        const ended = performance.now() + 2_000
        await until(() => (look(), performance.now() > ended))
      }
      expect([...seen].filter((list) => list !== first && list !== both)).toEqual([])
      proxy.mode = 'honest'
      await until(() => ids() === both)
    } finally {
      await client.close()
      await proxy.close()
    }
  })
})
