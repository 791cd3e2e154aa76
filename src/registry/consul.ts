import { systemClock, type Clock } from '../clock.ts'
import { checkBoolean, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { registerWithAgent } from './consul/lease.ts'
import { explain } from './consul/explain.ts'
import { SharedHealth } from './consul/shared.ts'
import { watchHealth } from './consul/watch.ts'
import type { TlsSource } from './http/connector.ts'
import { credentialOf, replaceSecrets, type Credential } from './http/credential.ts'
import { checkMaxAnswer, checkRegistryUrl, checkService, tlsOf } from './http/options.ts'
import { RegistryHttp } from './http/http.ts'
import type { Instance, Registrar, SignalContext, Source } from './source.ts'
import { checkText } from './text.ts'

/** Options of `consul()`. */
export interface ConsulOptions {
  /**
   * The url of the local agent.
   * @default 'http://127.0.0.1:8500'
   */
  url?: string
  /** The ACL token. */
  token?: Credential | undefined
  /** CA, client certificate and so on for an https url. The names are those of `node:tls`. */
  tls?: TlsSource
  /** The datacenter to discover instances in. @default the agent's datacenter */
  datacenter?: string
  /**
   * Whether only instances whose checks all pass are used. If false, instances with a check in `warning` are
   * used too, with their `Weights.Warning`.
   * @default true
   */
  passing?: boolean
  /** Only instances with this tag are discovered. */
  tag?: string
  /** Only instances that this expression selects are discovered: `'Service.Meta.version == "2"'`. */
  filter?: string
  /**
   * Whether any server may answer, not only the leader. This is cheaper and works without a leader, but the
   * answer may be out of date.
   * @default false
   */
  stale?: boolean
  /**
   * The scheme of instances that do not state one.
   * @default 'http'
   */
  scheme?: 'http' | 'https'
  /**
   * Whether all services share two connections. Use it in a process that watches many services. Requires `read`
   * on all nodes and services that it watches. A change that no check shows, such as a new weight, is seen
   * after `wait`.
   * @default false
   */
  shared?: boolean
  /**
   * How long the agent may delay its answer until something changes, in ms, at most 60_000. A frozen agent is
   * detected after 17/16 of this plus `timeout`.
   * @default 55_000
   */
  wait?: number
  /**
   * How long a request may take in addition to `wait`, in ms.
   * @default 5_000
   */
  timeout?: number
  /** The maximum size of an answer in bytes. @default 64 MiB */
  maxAnswerSize?: number
  /**
   * How long a registration stays healthy after its last heartbeat, in ms.
   * @default 15_000
   */
  ttl?: number
  /**
   * How long after that Consul removes the registration, in ms. Consul checks this every 30 s and uses 60_000
   * for smaller values.
   * @default 60_000
   */
  deregisterAfter?: number
  /** @default the system's clock */
  clock?: Clock
}

const OPTIONS: Record<keyof ConsulOptions, true> = {
  url: true,
  token: true,
  tls: true,
  datacenter: true,
  passing: true,
  tag: true,
  filter: true,
  stale: true,
  scheme: true,
  shared: true,
  wait: true,
  timeout: true,
  maxAnswerSize: true,
  ttl: true,
  deregisterAfter: true,
  clock: true,
}

/**
 * Discovers and registers instances in Consul, through the HTTP API of the local agent.
 *
 * @example
 * const registry = consul({ token: process.env.CONSUL_HTTP_TOKEN })
 * const me = await announce(registry, 'user-service', { url: 'http://10.0.0.7:8080' })
 * const users = createClient({ service: 'user-service', source: registry })
 */
export function consul(options: ConsulOptions = {}): Source & Registrar {
  checkObject('consul', options, Object.keys(OPTIONS))
  const { token, tls, passing = true, stale = false, shared = false, clock = systemClock } = options
  const { wait = 55_000, timeout = 5_000, ttl = 15_000, deregisterAfter = 60_000 } = options
  const { url: agent = 'http://127.0.0.1:8500', scheme = 'http' } = options
  const url = checkRegistryUrl('url', agent)
  checkNumber('wait', wait, { exclusive: true, max: 60_000 })
  checkNumber('timeout', timeout, { exclusive: true })
  const maxAnswerSize = checkMaxAnswer(options.maxAnswerSize)
  checkNumber('ttl', ttl, { min: 1, integer: true })
  checkNumber('deregisterAfter', deregisterAfter, { min: 1, integer: true })
  checkBoolean('passing', passing)
  checkBoolean('stale', stale)
  checkBoolean('shared', shared)
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  if (scheme !== 'http' && scheme !== 'https') {
    throw new TypeError(`scheme must be 'http' or 'https', got ${quote(scheme)}`)
  }
  const query = new URLSearchParams({ ...(passing && { passing: 'true' }), ...(stale && { stale: '' }) })
  for (const [parameter, option] of Object.entries(SELECTORS)) {
    const value = options[option]
    if (value !== undefined) query.set(parameter, checkText(option, value))
  }
  const headers: Record<string, string> = {}
  const secrets = new Set<string>()
  const tokenNow = token === undefined ? undefined : credentialOf('token', token)
  const authorize =
    tokenNow && (async () => ({ 'x-consul-token': replaceSecrets(secrets, await tokenNow()) }))
  const settings = {
    name: 'consul',
    url,
    wait,
    headers,
    secrets,
    authorize,
    timeout,
    maxAnswerSize,
    clock,
    tls: tlsOf(tls),
  }
  const statesQuery = new URLSearchParams({
    ...(stale && { stale: '' }),
    ...(options.datacenter !== undefined && { dc: options.datacenter }),
  })
  const statesUrl = `${url}/v1/health/state/any?${statesQuery.toString()}`
  const sharedHealth = shared ? new SharedHealth({ ...settings, statesUrl, scheme }) : undefined

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkService(service)
    const path = `${url}/v1/health/service/${encodeURIComponent(service)}?${query.toString()}`
    const http = sharedHealth ? undefined : new RegistryHttp(settings)
    try {
      if (http) yield* watchHealth(http, { ...settings, url: path }, scheme, signal)
      else if (sharedHealth) yield* sharedHealth.watch(service, path, signal)
    } catch (error) {
      if (!signal.aborted) throw explain(error)
    } finally {
      await http?.close()
    }
  }

  return {
    watch,
    register: async (service, instance, { signal }) => {
      checkService(service)
      return registerWithAgent({ ...settings, ttl, deregisterAfter }, service, instance, signal)
    },
  }
}

/** Maps query parameters to options. */
const SELECTORS = { dc: 'datacenter', tag: 'tag', filter: 'filter' } as const
