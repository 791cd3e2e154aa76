import { rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { MemoryRegistry, Registrar, Source } from 'outrigger'

export interface Registry {
  readonly source: Source
  /** Absent when servers cannot register themselves there. */
  readonly registrar?: Registrar
  /** The file that is to be kept in step with the embedded registry. */
  readonly path?: string
}

/** `etcd://127.0.0.1:2379`, `consul://127.0.0.1:8500` or `file:./instances.json`. */
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
    return { source: file(resolve(rest)), path: resolve(rest) }
  }
  throw new Error(`--registry takes etcd://host:port, consul://host:port or file:path, got '${address}'`)
}

/** Keeps a file in step with the embedded registry, written the way the file source likes it: by rename. */
export async function mirror(registry: MemoryRegistry, path: string, signal: AbortSignal): Promise<void> {
  for await (const instances of registry.watch('user-service', { signal })) {
    await writeFile(`${path}.new`, JSON.stringify({ 'user-service': instances }))
    await rename(`${path}.new`, path)
  }
}
