import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import zk, { type Client } from 'node-zookeeper-client'
import { fromParent } from '../../../examples/demo/ipc.ts'
import { announceServer, serverUrl } from '../../../src/registry/announce-server.ts'
import { consul } from '../../../src/registry/consul.ts'
import { etcd } from '../../../src/registry/etcd.ts'
import { eureka } from '../../../src/registry/eureka.ts'
import { redis } from '../../../src/registry/redis.ts'
import { zookeeper } from '../../../src/registry/zookeeper.ts'
import type { Registrar } from '../../../src/registry/source.ts'
import { SERVICE, TTL, type RegistrarAddress } from './world.ts'

/** One instance of the service, in a process of its own. argv: its id, and its registrar unless that is the parent. */
const [, , id = '', address] = process.argv

/** The registrars' own clients. */
const closing: (() => void)[] = []

const server = createServer((_request, response) => {
  void sleep(5 + Math.random() * 10).then(() => response.end(id))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.({ url: serverUrl(server) })
const announcement = await announceServer(registrar(), SERVICE, server, {
  instance: { id },
  // The default is short of time on a busy machine, where a registry is polled every second.
  drainDelay: 4_000,
  // Expected while the registry is away.
  onError: () => {},
})

process.once('SIGTERM', () => {
  // Nothing else may keep it alive after this.
  void announcement.close().then(() => {
    for (const close of closing) close()
    process.disconnect()
  })
})
process.once('disconnect', () => setTimeout(() => process.exit(1), 2_000).unref())

function registrar(): Registrar {
  if (address === undefined) return fromParent()
  const { kind, url } = JSON.parse(address) as RegistrarAddress
  if (kind === 'etcd') return etcd({ endpoints: url, ttl: TTL })
  if (kind === 'consul') return consul({ url, ttl: TTL })
  if (kind === 'eureka') return eureka({ url, ttl: TTL })
  return kind === 'redis' ? redisRegistrar(url) : zookeeperRegistrar(url)
}

function redisRegistrar(url: string): Registrar {
  const client = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => 100 })
  client.on('error', () => {})
  closing.push(() => client.disconnect())
  return redis({ client, ttl: TTL })
}

function zookeeperRegistrar(url: string): Registrar {
  const connect = (): Client => {
    // The sessions of live servers must survive an outage of the registry. ZooKeeper limits the timeout to 20 ticks, here 4 s.
    const client = zk.createClient(url, { sessionTimeout: 2 * TTL, spinDelay: 100 })
    client.connect()
    closing.push(() => client.close())
    return client
  }
  return zookeeper({ client: connect, ttl: TTL })
}
