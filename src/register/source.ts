import { resolve } from 'node:path'
import { quote } from '../options.ts'
import type { ConsulOptions } from '../registry/consul.ts'
import type { DnsOptions } from '../registry/dns.ts'
import type { EtcdOptions } from '../registry/etcd.ts'
import type { EurekaOptions } from '../registry/eureka.ts'
import { fixed } from '../registry/fixed.ts'
import type { HttpSourceOptions } from '../registry/http.ts'
import type { KubernetesOptions } from '../registry/kubernetes.ts'
import type { InstanceInit, Source } from '../registry/source.ts'

interface Kinds {
  fixed: readonly (string | InstanceInit)[]
  /** A path, relative to the configuration file. */
  file: string
  dns: DnsOptions
  etcd: EtcdOptions
  consul: ConsulOptions
  kubernetes: KubernetesOptions
  eureka: EurekaOptions
  http: HttpSourceOptions
}

/** A source as data: one kind with its options, such as `{ "dns": { "srv": "_http._tcp.users.example" } }`. */
export type SourceConfig = { [Kind in keyof Kinds]: Pick<Kinds, Kind> }[keyof Kinds]

/** Makes a source of each kind. Modules are imported only when they are used. */
const MAKE: { [Kind in keyof Kinds]: (options: Kinds[Kind], folder: string) => Source | Promise<Source> } = {
  fixed,
  file: async (path, folder) => (await import('../registry/file.ts')).file(resolve(folder, path)),
  dns: async (options) => (await import('../registry/dns.ts')).dns(options),
  etcd: async (options) => (await import('../registry/etcd.ts')).etcd(options),
  consul: async (options) => (await import('../registry/consul.ts')).consul(options),
  kubernetes: async (options) => (await import('../registry/kubernetes.ts')).kubernetes(options),
  eureka: async (options) => (await import('../registry/eureka.ts')).eureka(options),
  http: async (options) => (await import('../registry/http.ts')).http(options),
}

export function toSource(value: unknown, folder: string): Source | Promise<Source> {
  if (typeof value === 'object' && value !== null) {
    if ('watch' in value) return value as Source
    const [entry, ...more] = Object.entries(value)
    if (entry && more.length === 0 && Object.hasOwn(MAKE, entry[0])) {
      const make = MAKE[entry[0] as keyof Kinds] as (options: unknown, folder: string) => Source
      return make(entry[1], folder)
    }
  }
  const kinds = Object.keys(MAKE).join(', ')
  throw new TypeError(`must be a source or an object with one of ${kinds}, got ${quote(value)}`)
}
