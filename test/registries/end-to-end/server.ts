import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromParent } from '../../../examples/demo/ipc.ts'
import { announceServer, serverUrl } from '../../../src/registry/announce-server.ts'
import { consul } from '../../../src/registry/consul.ts'
import { etcd } from '../../../src/registry/etcd.ts'
import { eureka } from '../../../src/registry/eureka.ts'
import type { Registrar } from '../../../src/registry/source.ts'
import { SERVICE, TTL, type RegistrarAddress } from './world.ts'

/** One instance of the service, in a process of its own. argv: its id, and its registrar unless that is the parent. */
const [, , id = '', address] = process.argv

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
  void announcement.close().then(() => process.disconnect())
})
process.once('disconnect', () => setTimeout(() => process.exit(1), 2_000).unref())

function registrar(): Registrar {
  if (address === undefined) return fromParent()
  const { kind, url } = JSON.parse(address) as RegistrarAddress
  if (kind === 'etcd') return etcd({ endpoints: url, ttl: TTL })
  return kind === 'consul' ? consul({ url, ttl: TTL }) : eureka({ url, ttl: TTL })
}
