import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import zk, { type Client } from 'node-zookeeper-client'
import { consul } from '../../../src/registry/consul.ts'
import { dns } from '../../../src/registry/dns.ts'
import { etcd } from '../../../src/registry/etcd.ts'
import { eureka } from '../../../src/registry/eureka.ts'
import { file } from '../../../src/registry/file.ts'
import { http } from '../../../src/registry/http.ts'
import { kubernetes } from '../../../src/registry/kubernetes.ts'
import type { MemoryRegistry } from '../../../src/registry/memory.ts'
import { redis } from '../../../src/registry/redis.ts'
import { zookeeper } from '../../../src/registry/zookeeper.ts'
import type { Instance } from '../../../src/registry/source.ts'
import {
  startBind,
  startConsul,
  startEtcd,
  startKubernetes,
  startRedis,
  startZooKeeper,
  type TestServer,
} from '../../support/servers/index.ts'
import { startFakeEureka } from '../fake-eureka.ts'
import { startListServer } from '../list-server.ts'
import { setSlice } from './slices.ts'
import { mirror, SERVICE, TTL, type Outage, type World } from './world.ts'

/** Every registry there is, with options as they are by default wherever a test can wait for that. */
export const worlds: Record<string, (embedded: MemoryRegistry) => Promise<World>> = {
  memory: async (embedded) => ({ source: embedded, [Symbol.asyncDispose]: async () => {} }),
  file: fileWorld,
  dns: dnsWorld,
  etcd: etcdWorld,
  consul: consulWorld,
  kubernetes: kubernetesWorld,
  eureka: eurekaWorld,
  http: httpWorld,
  redis: redisWorld,
  zookeeper: zookeeperWorld,
}

async function fileWorld(embedded: MemoryRegistry): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'outrigger-end-to-end-'))
  const path = join(folder, 'instances.json')
  let broken = false
  const mirrored = mirror(embedded, async (instances) => {
    if (broken) throw new Error('nobody writes it')
    await writeFile(`${path}.new`, JSON.stringify({ [SERVICE]: instances }))
    await rename(`${path}.new`, path)
  })
  return {
    source: file(path),
    outage: {
      kill: async () => {
        broken = true
        await writeFile(path, `{ "${SERVICE}": [`)
      },
      restart: async ({ keepData }) => {
        if (!keepData) await rm(path)
        broken = false
        mirrored.again()
      },
    },
    [Symbol.asyncDispose]: async () => {
      await mirrored[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

async function dnsWorld(embedded: MemoryRegistry): Promise<World> {
  const bind = await startBind({ zone: 'test', records: ['host 1 A 127.0.0.1'] })
  const name = `_http._tcp.${SERVICE}.test.`
  const mirrored = mirror(embedded, (instances) => {
    const records = instances.map(({ url }) => `update add ${name} 1 SRV 0 1 ${new URL(url).port} host.test.`)
    return bind.update([`update delete ${name} SRV`, ...records])
  })
  return {
    source: dns({ srv: (service) => `_http._tcp.${service}.test`, servers: [bind.address] }),
    outage: outageOf(bind, mirrored.again),
    [Symbol.asyncDispose]: async () => {
      await mirrored[Symbol.asyncDispose]()
      await bind.close()
    },
  }
}

async function etcdWorld(): Promise<World> {
  const server = await startEtcd()
  return {
    source: etcd({ endpoints: server.url }),
    registrar: { kind: 'etcd', url: server.url },
    outage: outageOf(server),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

async function consulWorld(): Promise<World> {
  const server = await startConsul({ persistent: true })
  return {
    source: consul({ url: server.url }),
    registrar: { kind: 'consul', url: server.url },
    outage: outageOf(server),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** The mirror is what the readiness probes and the endpoint slice controller would be. */
async function kubernetesWorld(embedded: MemoryRegistry): Promise<World> {
  const cluster = await startKubernetes()
  const seen = new Map<string, Instance>()
  const mirrored = mirror(embedded, async (instances) => {
    for (const instance of instances) seen.set(instance.id, instance)
    for (const instance of seen.values()) await setSlice(cluster, instance, instances.includes(instance))
  })
  return {
    source: kubernetes({ server: cluster.url, token: cluster.tokens.admin, tls: { ca: cluster.ca } }),
    outage: outageOf(cluster, mirrored.again),
    [Symbol.asyncDispose]: async () => {
      await mirrored[Symbol.asyncDispose]()
      await cluster.close()
    },
  }
}

async function eurekaWorld(): Promise<World> {
  const apps: Awaited<ReturnType<typeof startFakeEureka>>['apps'] = new Map()
  let fake = await startFakeEureka(0, apps)
  const url = `${fake.server.url}/eureka`
  const port = Number(new URL(url).port)
  const eviction = setInterval(() => fake.evict(), 500)
  return {
    source: eureka({ url, poll: 500 }),
    registrar: { kind: 'eureka', url },
    outage: {
      kill: async () => fake.server[Symbol.asyncDispose](),
      restart: async ({ keepData }) => {
        if (!keepData) apps.clear()
        fake = await startFakeEureka(port, apps)
      },
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(eviction)
      await fake.server[Symbol.asyncDispose]()
    },
  }
}

async function httpWorld(embedded: MemoryRegistry): Promise<World> {
  const lists = await startListServer()
  const mirrored = mirror(embedded, async (instances) => lists.set(SERVICE, instances))
  return {
    source: http({ url: `${lists.url}/long-poll/{service}`, mode: 'long-poll' }),
    outage: {
      kill: () => lists.kill(),
      restart: async ({ keepData }) => {
        await lists.restart(keepData)
        mirrored.again()
      },
    },
    [Symbol.asyncDispose]: async () => {
      await mirrored[Symbol.asyncDispose]()
      await lists[Symbol.asyncDispose]()
    },
  }
}

async function redisWorld(): Promise<World> {
  const server = await startRedis()
  const client = new Redis(server.url, { maxRetriesPerRequest: 1, retryStrategy: () => 100 })
  client.on('error', () => {})
  return {
    source: redis({ client }),
    registrar: { kind: 'redis', url: server.url },
    outage: outageOf(server),
    [Symbol.asyncDispose]: async () => {
      client.disconnect()
      await server.close()
    },
  }
}

async function zookeeperWorld(): Promise<World> {
  const server = await startZooKeeper()
  const clients: Client[] = []
  const connect = (): Client => {
    const client = zk.createClient(server.url, { sessionTimeout: TTL, spinDelay: 100 })
    client.connect()
    clients.push(client)
    return client
  }
  return {
    // A client that a server without its data refuses is given up by the next try: tries must follow each other.
    source: zookeeper({ client: connect, timeout: 1_500 }),
    registrar: { kind: 'zookeeper', url: server.url },
    outage: outageOf(server),
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close()
      await server.close()
    },
  }
}

function outageOf(server: TestServer, restarted: () => void = () => {}): Outage {
  return {
    kill: () => server.kill(),
    restart: async (options) => {
      await server.restart(options)
      restarted()
    },
  }
}
