import { execFile } from 'node:child_process'
import { rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Instance, MemoryRegistry, Registrar, Source } from 'outrigger'

export interface Registry {
  readonly source: Source
  /** Absent if servers cannot register themselves there. */
  readonly registrar?: Registrar
  /** Copies the embedded registry, which the servers then use, to the other one. */
  readonly write?: (instances: readonly Instance[]) => Promise<void>
}

/**
 * `etcd://127.0.0.1:2379`, `consul://127.0.0.1:8500`, `file:./instances.json`, or `dns://127.0.0.1:53/` and the name of
 * an SRV record in a zone that accepts updates from this machine.
 */
export async function openRegistry(address: string): Promise<Registry> {
  const [scheme = '', rest = ''] = address.split(/:(?:\/\/)?(.*)/)
  if (scheme === 'etcd') {
    const { etcd } = await import('outrigger/registry/etcd')
    const both = etcd({ endpoints: `http://${rest}`, ttl: 3_000 })
    return { source: both, registrar: both }
  }
  if (scheme === 'consul') {
    const { consul } = await import('outrigger/registry/consul')
    const both = consul({ url: `http://${rest}`, ttl: 3_000 })
    return { source: both, registrar: both }
  }
  if (scheme === 'file' && rest !== '') {
    const { file } = await import('outrigger/registry/file')
    const path = resolve(rest)
    return { source: file(path), write: (instances) => writeInstances(path, instances) }
  }
  if (scheme === 'dns' && /^[^/]+\/./.test(rest)) {
    const { dns } = await import('outrigger/registry/dns')
    const { host, hostname, port, pathname } = new URL(address)
    const name = pathname.slice(1)
    return {
      source: dns({ srv: name, servers: [host] }),
      write: (instances) => updateZone(`${hostname} ${port || 53}`, name, instances),
    }
  }
  throw new Error(
    `--registry takes etcd://host:port, consul://host:port, dns://host:port/name or file:path, got '${address}'`,
  )
}

/** Copies the embedded registry to another one, and leaves that empty at the end. */
export async function mirror(
  registry: MemoryRegistry,
  write: NonNullable<Registry['write']>,
  signal: AbortSignal,
): Promise<void> {
  for await (const instances of registry.watch('user-service', { signal })) await write(instances)
  await write([])
}

/** Replaces the file by renaming, so that no reader sees an incomplete one. */
async function writeInstances(path: string, instances: readonly Instance[]): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify({ 'user-service': instances }))
  await rename(`${path}.new`, path)
}

/** Writes an SRV record for each instance. All servers of the demo are on this machine. */
async function updateZone(server: string, name: string, instances: readonly Instance[]): Promise<void> {
  const host = name.replace(/^(_[^.]*\.)+/, '')
  const updates = instances.map(({ url }) => `add ${name} 1 SRV 0 1 ${new URL(url).port} ${host}`)
  const nsupdate = promisify(execFile)('nsupdate', [])
  nsupdate.child.stdin?.end(
    [`server ${server}`, `add ${host} 1 A 127.0.0.1`, `del ${name} SRV`, ...updates, 'send\n'].join('\n'),
  )
  await nsupdate
}
