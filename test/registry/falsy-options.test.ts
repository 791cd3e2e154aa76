import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { registryBackoff } from '../../src/registry/backoff.ts'
import { cached, firstOf, mapInstances, merge } from '../../src/registry/combine.ts'
import { consul } from '../../src/registry/consul.ts'
import { Discovery } from '../../src/registry/discovery.ts'
import { dns } from '../../src/registry/dns.ts'
import { etcd } from '../../src/registry/etcd.ts'
import { eureka } from '../../src/registry/eureka.ts'
import { file } from '../../src/registry/file.ts'
import { http } from '../../src/registry/http.ts'
import { kubernetes } from '../../src/registry/kubernetes.ts'
import { MemoryRegistry } from '../../src/registry/memory.ts'
import { redis } from '../../src/registry/redis.ts'
import { zookeeper } from '../../src/registry/zookeeper.ts'
import { identity } from '../../src/testing/identity.ts'

const FALSY = [null, 0, '', false, NaN]
const SECRETS = ['token', 'user', 'password']
const url = 'http://127.0.0.1:1'
const silent = { watch: () => [] }

type Make = (options: never) => unknown

/** A function that takes options, the names of its options, and the few falsy values with a meaning. */
const makers: Record<string, [make: Make, options: string, meant?: Record<string, unknown[]>]> = {
  MemoryRegistry: [(options) => new MemoryRegistry(options), 'ttl clock'],
  backoff: [(options) => registryBackoff('backoff', options), 'initial max'],
  file: [(options) => file('x', options), 'format poll debounce clock', { debounce: [0] }],
  dns: [
    (options: object) => dns({ host: 'a', port: 1, ...options }),
    'port scheme family minTtl maxTtl timeout servers resolver clock',
  ],
  etcd: [
    (options: object) => etcd({ endpoints: url, ...options }),
    'endpoints prefix user password tls decode ttl timeout probeInterval rotateAfter shared clock',
    { prefix: [''], shared: [false] },
  ],
  consul: [
    consul,
    'url token tls datacenter passing tag filter stale scheme shared wait timeout ttl deregisterAfter clock',
    { passing: [false], stale: [false], shared: [false] },
  ],
  kubernetes: [
    (options: object) => kubernetes({ server: url, ...options }),
    'namespace port scheme zone publishNotReady server token tokenFile tls timeout rotateAfter shared clock',
    { publishNotReady: [false], shared: [false] },
  ],
  eureka: [
    (options: object) => eureka({ url, ...options }),
    'url user password tls address poll timeout ttl clock',
  ],
  http: [
    (options: object) => http({ url, ...options }),
    'url select decode mode poll wait timeout tls emptyGrace clock',
    { emptyGrace: [0], select: [''] },
  ],
  redis: [
    (options: object) => redis({ client: { duplicate() {}, call() {} } as never, ...options }),
    'client prefix decode ttl poll timeout clock',
    { prefix: [''] },
  ],
  zookeeper: [
    (options: object) => zookeeper({ client: (() => {}) as never, ...options }),
    'layout root ttl poll timeout clock',
    { root: [''] },
  ],
  cached: [
    (options: object) => cached(new MemoryRegistry(), { file: 'x', ...options }),
    'file patience onError clock',
    { patience: [0] },
  ],
  merge: [(options) => merge(new MemoryRegistry(), options), 'patience onError clock', { patience: [0] }],
  identity: [identity, 'protocol'],
  'a source': [
    (source: object) =>
      new Discovery({ source: { ...silent, ...source } as never, service: 's', onInstances() {} }),
    'emptyGrace',
    { emptyGrace: [0] },
  ],
  'the source of firstOf': [
    (source: object) => firstOf({ ...silent, ...source } as never),
    'emptyGrace',
    { emptyGrace: [0] },
  ],
  'the source of mapInstances': [
    (source: object) => mapInstances({ ...silent, ...source } as never, (instance) => instance),
    'emptyGrace',
    { emptyGrace: [0] },
  ],
  Discovery: [
    (options: object) =>
      new Discovery({ source: new MemoryRegistry(), service: 's', onInstances() {}, ...options }),
    'emptyGrace backoff',
    { emptyGrace: [0] },
  ],
}

describe.each(Object.entries(makers))('%s', (_name, [make, options, meant = {}]) => {
  const cases = options.split(' ').flatMap((option) => {
    const wrong = FALSY.filter((value) => !meant[option]?.includes(value))
    return wrong.map((value) => [option, value] as const)
  })

  it.each(cases)('refuses %s: %o instead of using the default', (option, value) => {
    const named = new RegExp(
      `\\b${option} must .*${SECRETS.includes(option) ? '' : `, got ${inspect(value)}$`}`,
    )
    expect(() => make({ [option]: value } as never)).toThrow(named)
  })

  const optional = options
    .split(' ')
    .filter((option) => !/^(endpoints|port|file|url|server|client)$/.test(option))
  it.each(optional)('uses the default for %s: undefined', (option) => {
    expect(() => make({ [option]: undefined } as never)).not.toThrow()
  })
})
