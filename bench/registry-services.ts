// Measures what it costs a process to watch 300 services at each registry: connections, CPU and memory.
//
//   scripts/registries/install.sh etcd consul redis zookeeper kubernetes
//   node --conditions=@outrigger/source bench/registry-services.ts [services] [seconds] [registry...]
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import zk from 'node-zookeeper-client'
import { announce, type Announcement, type Registrar, type Source } from 'outrigger'
import { consul } from '../src/registry/consul.ts'
import { Discovery } from '../src/registry/discovery.ts'
import { etcd } from '../src/registry/etcd.ts'
import { eureka } from '../src/registry/eureka.ts'
import { http } from '../src/registry/http.ts'
import { kubernetes } from '../src/registry/kubernetes.ts'
import { redis } from '../src/registry/redis.ts'
import { zookeeper } from '../src/registry/zookeeper.ts'
import { startFakeEureka } from '../test/registries/fake-eureka.ts'
import { startListServer } from '../test/registries/list-server.ts'
import {
  startConsul,
  startEtcd,
  startKubernetes,
  startRedis,
  startZooKeeper,
} from '../test/support/servers/index.ts'

const [services = 300, seconds = 10] = process.argv.slice(2, 4).map(Number)
const chosen = process.argv.slice(4)

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

interface Place {
  readonly source: Source
  /** Absent if nothing changes during the watch. */
  readonly registrar?: Registrar
  close(): unknown
}

/** A TCP proxy that counts its open connections. */
async function counting(port: number): Promise<{ port: number; open: () => number; close: () => void }> {
  let open = 0
  const server = createServer((client) => {
    open++
    const upstream = connect(port, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    client.on('close', () => open--)
    for (const socket of [client, upstream]) {
      socket.on('error', () => {})
      socket.on('close', () => [client, upstream].forEach((each) => each.destroy()))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, open: () => open, close: () => server.close() }
}

const many = { limits: { http_max_conns_per_client: 5_000 } }

/** For each registry: the port of its server, and a source that watches it through another port. */
const places: Record<string, () => Promise<{ port: number; place: (port: number) => Place }>> = {
  etcd: () => etcdPlace(false),
  'etcd, shared': () => etcdPlace(true),
  consul: () => consulPlace(false),
  'consul, shared': () => consulPlace(true),
  'http, long poll': async () => {
    const lists = await startListServer()
    return {
      port: Number(new URL(lists.url).port),
      place: (port) => ({
        source: http({ url: `http://127.0.0.1:${port}/long-poll/{service}`, mode: 'long-poll' }),
        close: () => lists[Symbol.asyncDispose](),
      }),
    }
  },
  kubernetes: () => kubernetesPlace(false),
  'kubernetes, shared': () => kubernetesPlace(true),
  // A server for this benchmark, because Netflix's is not available here.
  eureka: async () => {
    const { server } = await startFakeEureka()
    return {
      port: Number(new URL(server.url).port),
      place: (port) => {
        const registry = eureka({ url: `http://127.0.0.1:${port}/eureka` })
        return { source: registry, registrar: registry, close: () => server[Symbol.asyncDispose]() }
      },
    }
  },
  redis: async () => {
    const server = await startRedis()
    return {
      port: server.port,
      place: (port) => {
        const client = new Redis(port, '127.0.0.1')
        const registry = redis({ client })
        return {
          source: registry,
          registrar: registry,
          close: async () => {
            client.disconnect()
            await server.close()
          },
        }
      },
    }
  },
  zookeeper: async () => {
    const server = await startZooKeeper()
    return {
      port: server.port,
      place: (port) => {
        const client = zk.createClient(`127.0.0.1:${port}`, { sessionTimeout: 4_000 })
        client.connect()
        const registry = zookeeper({ client })
        return {
          source: registry,
          registrar: registry,
          close: async () => {
            client.close()
            await server.close()
          },
        }
      },
    }
  },
}

async function etcdPlace(shared: boolean): Promise<{ port: number; place: (port: number) => Place }> {
  const server = await startEtcd()
  return {
    port: server.port,
    place: (port) => {
      const registry = etcd({ endpoints: `http://127.0.0.1:${port}`, shared })
      return { source: registry, registrar: registry, close: () => server.close() }
    },
  }
}

async function consulPlace(shared: boolean): Promise<{ port: number; place: (port: number) => Place }> {
  const server = await startConsul({ config: many })
  return {
    port: server.port,
    place: (port) => {
      const registry = consul({ url: `http://127.0.0.1:${port}`, shared })
      return { source: registry, registrar: registry, close: () => server.close() }
    },
  }
}

async function kubernetesPlace(shared: boolean): Promise<{ port: number; place: (port: number) => Place }> {
  const server = await startKubernetes()
  return {
    port: server.port,
    place: (port) => ({
      source: kubernetes({
        server: `https://127.0.0.1:${port}`,
        token: server.tokens.admin,
        tls: { ca: server.ca },
        shared,
      }),
      close: () => server.close(),
    }),
  }
}

async function measure(name: string): Promise<Record<string, string | number>> {
  const at = await (places[name] as (typeof places)[string])()
  const proxy = await counting(at.port)
  const watched = at.place(proxy.port)
  const { source, registrar } = watched
  const announced: Announcement[] = []
  if (registrar) {
    for (let n = 0; n < 10; n++) {
      announced.push(await announce(registrar, `service-${n}`, { url: `http://10.0.0.${n}:8080` }))
    }
  }
  gc()
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  const watches = Array.from(
    { length: services },
    (_, n) => new Discovery({ source, service: `service-${n}`, onInstances: () => {} }),
  )
  for (const watch of watches) watch.start()
  await Promise.all(watches.map((watch) => watch.ready))
  const ready = performance.now() - started
  await sleep(1_000)
  const cpu = process.cpuUsage()
  await sleep(seconds * 1_000)
  const { user, system } = process.cpuUsage(cpu)
  const connections = proxy.open()
  gc()
  const heap = process.memoryUsage().heapUsed - before
  const stale = watches.filter(({ error }) => error !== undefined).length
  await Promise.all(watches.map((watch) => watch.close()))
  await Promise.all(announced.map((each) => each.close()))
  await watched.close()
  proxy.close()
  return {
    connections,
    'of which heartbeats': registrar && name.startsWith('consul') ? announced.length : 0,
    'all ready after, ms': Math.round(ready),
    'CPU while idle, %': ((user + system) / (seconds * 10_000)).toFixed(1),
    'heap, kB a service': (heap / 1024 / services).toFixed(1),
    stale,
  }
}

const rows: Record<string, Record<string, string | number>> = {}
for (const name of chosen.length > 0 ? chosen : Object.keys(places)) rows[name] = await measure(name)
console.log(`${services} services watched by one process, ${seconds} s each`)
console.table(rows)
