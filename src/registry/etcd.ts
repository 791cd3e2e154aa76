import { systemClock, type Clock } from '../clock.ts'
import { checkBoolean, checkFunction, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { Endpoints } from './http/endpoints.ts'
import { Gateway, type Cluster } from './etcd/gateway.ts'
import { decodeValue, type Decode } from './entry.ts'
import { registerInstance } from './etcd/lease.ts'
import { watchPrefix } from './etcd/watch.ts'
import type { TlsSource } from './http/connector.ts'
import { credentialOf, type Credential } from './http/credential.ts'
import { checkMaxAnswer, checkSecret, checkService, tlsOf } from './http/options.ts'
import { regroup } from './shared/regroup.ts'
import { SharedWatch } from './shared/shared-watch.ts'
import type { Instance, Registrar, SignalContext, Source } from './source.ts'

/** The instances of each service, by its name. */
type Groups = ReadonlyMap<string, readonly Instance[]>

/** Options of `etcd()`. */
export interface EtcdOptions {
  /**
   * Client urls of one or more members, `http://127.0.0.1:2379`. If there are several, the next one is used
   * when one fails.
   */
  endpoints: string | readonly string[]
  /**
   * The prefix of all keys. An instance is stored under `<prefix><service>/<id>`. Must end with a slash or be
   * empty.
   * @default '/services/'
   */
  prefix?: string
  /** The user to authenticate as. Requires `password`. */
  user?: string | undefined
  /** Requires `user`. A file or function is read at each authentication, so the password may change. */
  password?: Credential | undefined
  /** CA, client certificate and so on for https endpoints. The names are those of `node:tls`. */
  tls?: TlsSource
  /**
   * Reads keys in another layout. Returns an instance, a url, `host:port`, or undefined for a key that is not
   * an instance. The id defaults to what follows the service in the key.
   * @default JSON with the fields of an instance, the layout of etcd's Go package
   * (`{"Op":0,"Addr":"10.0.0.7:8080"}`), or a url or `host:port` as text
   */
  decode?: (key: string, value: string) => ReturnType<Decode>
  /**
   * How long a registration lives after its last heartbeat, in ms. etcd rounds it up to seconds and may grant
   * more.
   * @default 15_000
   */
  ttl?: number
  /**
   * How long one request to one endpoint may take, in ms.
   * @default 5_000
   */
  timeout?: number
  /** The maximum size of an answer, or of one line of a stream, in bytes. @default 64 MiB */
  maxAnswerSize?: number
  /**
   * Time between two checks that the member of a watch still answers, in ms. A frozen member is detected after
   * at most this time plus `timeout`.
   * @default 10_000
   */
  probeInterval?: number
  /**
   * Whether all services share one watch of the complete prefix. Use it in a process that watches many
   * services. Requires a prefix, and permission to read all keys under it.
   * @default false
   */
  shared?: boolean
  /**
   * How long one watch lasts before everything is read again, in ms, ± 10 %.
   * @default 240_000
   */
  rotateAfter?: number
  /** @default the system's clock */
  clock?: Clock
}

const OPTIONS: Record<keyof EtcdOptions, true> = {
  endpoints: true,
  prefix: true,
  user: true,
  password: true,
  tls: true,
  decode: true,
  ttl: true,
  timeout: true,
  maxAnswerSize: true,
  probeInterval: true,
  rotateAfter: true,
  shared: true,
  clock: true,
}

/**
 * Discovers and registers instances in etcd v3.4 or later, through its JSON gateway.
 *
 * @example
 * const registry = etcd({ endpoints: 'http://127.0.0.1:2379' })
 * const me = await announce(registry, 'user-service', { url: 'http://10.0.0.7:8080' })
 * const users = createClient({ service: 'user-service', source: registry })
 */
export function etcd(options: EtcdOptions): Source & Registrar {
  checkObject('etcd', options, Object.keys(OPTIONS))
  const { prefix = '/services/', user, password, decode = decodeValue, clock = systemClock } = options
  const { shared = false } = options
  const { ttl = 15_000, timeout = 5_000, probeInterval = 10_000, rotateAfter = 240_000 } = options
  checkPrefix(prefix)
  checkBoolean('shared', shared)
  if (shared && prefix === '') throw new TypeError("shared needs a prefix that is not empty, got ''")
  checkNumber('ttl', ttl, { min: 1000 })
  checkNumber('timeout', timeout, { exclusive: true })
  const maxAnswerSize = checkMaxAnswer(options.maxAnswerSize)
  checkNumber('probeInterval', probeInterval, { exclusive: true })
  checkNumber('rotateAfter', rotateAfter, { exclusive: true })
  if (user !== undefined) checkSecret('user', user)
  const passwordNow = password === undefined ? undefined : credentialOf('password', password)
  if ((user === undefined) !== (password === undefined))
    throw new TypeError('user and password must be set together')
  checkFunction('decode', decode)
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const cluster: Cluster = {
    endpoints: new Endpoints('endpoints', options.endpoints),
    user,
    password: passwordNow,
    tls: tlsOf(options.tls),
    timeout,
    maxAnswerSize,
    clock,
    token: undefined,
    secrets: new Set(),
  }

  async function* open(
    range: string,
    idOf: (key: string) => string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlyMap<string, Instance>, void> {
    const gateway = new Gateway(cluster)
    try {
      yield* watchPrefix(gateway, { prefix: range, idOf, decode, probeInterval, rotateAfter, clock }, signal)
    } finally {
      await gateway.close()
    }
  }

  async function* openAll(signal: AbortSignal): AsyncGenerator<Groups, void> {
    let groups: Groups = new Map()
    const rest = (key: string): string => key.slice(prefix.length)
    const idOf = (key: string): string => rest(key).replace(/^[^/]*\//, '')
    for await (const instances of open(prefix, idOf, signal)) {
      const named = [...instances].map(([key, each]) => [rest(key).replace(/\/.*$/s, ''), each] as const)
      yield (groups = regroup(groups, named))
    }
  }
  const all = shared ? new SharedWatch(openAll, clock) : undefined

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    const own = keyPrefixOf(prefix, service)
    try {
      if (all) for await (const instances of all.watch(service, signal)) yield instances ?? []
      else
        for await (const instances of open(own, (key) => key.slice(own.length), signal))
          yield [...instances.values()]
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  return {
    watch,
    register: async (service, instance, { signal }) =>
      registerInstance(cluster, keyPrefixOf(prefix, service), instance, { ttl, signal }),
  }
}

function keyPrefixOf(prefix: string, service: string): string {
  checkService(service)
  return `${prefix}${service}/`
}

function checkPrefix(prefix: unknown): void {
  if (typeof prefix === 'string' && /^$|\/$/.test(prefix)) return
  throw new TypeError(`prefix must be a string that ends with a slash, got ${quote(prefix)}`)
}
