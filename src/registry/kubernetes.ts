import { systemClock, type Clock } from '../clock.ts'
import { OutriggerError } from '../errors.ts'
import { checkBoolean, checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import type { TlsOptions } from './http/connector.ts'
import { credentialOf, type Credential } from './http/credential.ts'
import { checkTls } from './http/tls.ts'
import { checkMaxAnswer, checkRegistryUrl } from './http/options.ts'
import { RegistryAnswerError, RegistryHttp } from './http/http.ts'
import { apiServerOf, type ApiServer } from './kubernetes/access.ts'
import { linger } from './kubernetes/linger.ts'
import { joinSlices, type Endpoints, type EndpointSlice } from './kubernetes/slices.ts'
import { watchSlices } from './kubernetes/watch.ts'
import { regroup } from './shared/regroup.ts'
import { SharedWatch } from './shared/shared-watch.ts'
import type { Instance, SignalContext, Source } from './source.ts'
import { checkText } from './text.ts'

/** Options of `kubernetes()`. */
export interface KubernetesOptions {
  /**
   * The namespace of the services.
   * @default the namespace of the pod; outside of a cluster 'default'
   */
  namespace?: string
  /**
   * The port of the service, by its name or number.
   * @default its only TCP port
   */
  port?: string | number
  /**
   * The scheme of the instances.
   * @default `'https'` when the port's `appProtocol` is https, else `'http'`
   */
  scheme?: 'http' | 'https'
  /** The zone of this process. Topology hints are then used as kube-proxy uses them. Without it, they are ignored. */
  zone?: string
  /**
   * Whether pods that are not ready are used too.
   * @default false
   */
  publishNotReady?: boolean
  /**
   * The url of the API server, `https://10.96.0.1:443`.
   * @default that of the cluster of this pod, with the pod's service account
   */
  server?: string
  /**
   * The path of a kubeconfig file, such as kubectl's `~/.kube/config`. Server, certificates, token and
   * namespace come from it. YAML needs the package `yaml`. Users that authenticate through a program (`exec`)
   * are not supported.
   */
  kubeconfig?: string
  /** The context of the kubeconfig file to use. @default its current context */
  context?: string
  /** A bearer token: a string, a file that contains it, or a function that returns it. Read before each request. */
  token?: Credential
  /** A file with the bearer token, read before each request. `namespace` and `ca.crt` in the same folder are used. */
  tokenFile?: string
  /** CA, client certificate and so on. The names are those of `node:tls`. */
  tls?: TlsOptions
  /**
   * How long a request may take, in ms.
   * @default 5_000
   */
  timeout?: number
  /** The maximum size of an answer, or of one line of a stream, in bytes. @default 64 MiB */
  maxAnswerSize?: number
  /**
   * How long one watch lasts, in ms. The actual time is up to 20 % shorter. A frozen API server is detected
   * after at most this time plus `timeout`.
   * @default 60_000
   */
  rotateAfter?: number
  /**
   * Whether all services share one list and watch of the complete namespace. Use it in a process that watches
   * many services.
   * @default false
   */
  shared?: boolean
  /** @default the system's clock */
  clock?: Clock
}

type Slices = readonly EndpointSlice[]

/** The label of a slice with the name of its service. */
const SERVICE_LABEL = 'kubernetes.io/service-name'

const OPTIONS: Record<keyof KubernetesOptions, true> = {
  namespace: true,
  port: true,
  scheme: true,
  zone: true,
  publishNotReady: true,
  server: true,
  kubeconfig: true,
  context: true,
  shared: true,
  token: true,
  tokenFile: true,
  tls: true,
  timeout: true,
  maxAnswerSize: true,
  rotateAfter: true,
  clock: true,
}

/** In ms. The longest pause that a server can request by Retry-After. */
const MAX_RETRY_AFTER = 30_000

/**
 * Discovers the pods of a Kubernetes service from its EndpointSlices (discovery.k8s.io/v1, Kubernetes 1.21 or
 * later). The service account needs the permissions `list` and `watch` for them.
 *
 * @example
 * const users = createClient({ service: 'user-service', source: kubernetes({ port: 'http' }) })
 */
export function kubernetes(options: KubernetesOptions = {}): Source {
  const { apiServer, join, timeout, maxAnswerSize, rotateAfter, shared, clock } = checkOptions(options)
  const secrets = new Set<string>()
  let notBefore = 0

  const headers = async (): Promise<Record<string, string>> => {
    const token = await apiServer.token()
    secrets.clear()
    if (token === undefined) return {}
    secrets.add(token)
    return { authorization: `Bearer ${token}` }
  }
  const onRetryAfter = (ms: number): void => {
    notBefore = clock.now() + Math.min(ms, MAX_RETRY_AFTER)
  }

  /** Yields the slices of the namespace that match a label selector. Uses a separate connection. */
  async function* open(label: string, signal: AbortSignal): AsyncGenerator<readonly EndpointSlice[], void> {
    const pause = notBefore - clock.now()
    if (pause > 0) await clock.sleep(pause, signal, { ref: false })
    const { server, tls, namespace } = await apiServer.access()
    const http = new RegistryHttp({ name: 'kubernetes', clock, timeout, maxAnswerSize, tls, secrets })
    try {
      const collection = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
      const url = `${server}${collection}?labelSelector=${encodeURIComponent(label)}`
      yield* watchSlices(http, { url, headers, timeout, rotateAfter, clock, onRetryAfter }, signal)
    } finally {
      await http.close()
    }
  }

  async function* openAll(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, Slices>, void> {
    let groups: ReadonlyMap<string, Slices> = new Map()
    for await (const slices of open(SERVICE_LABEL, signal)) {
      const named = slices.map((slice) => [slice.metadata.labels?.[SERVICE_LABEL] ?? '', slice] as const)
      yield (groups = regroup(groups, named))
    }
  }
  const all = shared ? new SharedWatch(openAll, clock) : undefined

  async function* endpoints(service: string, signal: AbortSignal): AsyncGenerator<Endpoints, void> {
    if (all) for await (const slices of all.watch(service, signal)) yield joinSlices(slices ?? [], join)
    else
      for await (const slices of open(`${SERVICE_LABEL}=${service}`, signal)) yield joinSlices(slices, join)
  }

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkName('service', service)
    try {
      yield* linger((ending) => endpoints(service, ending), clock, signal)
    } catch (error) {
      if (!signal.aborted) throw explain(error)
    }
  }

  return { watch }
}

interface Checked {
  readonly apiServer: ApiServer
  readonly shared: boolean
  readonly join: Parameters<typeof joinSlices>[1]
  readonly timeout: number
  readonly maxAnswerSize: number
  readonly rotateAfter: number
  readonly clock: Clock
}

function checkOptions(options: KubernetesOptions): Checked {
  checkObject('kubernetes', options, Object.keys(OPTIONS))
  const { namespace, port, scheme, zone, publishNotReady = false, token, tls, clock = systemClock } = options
  const { tokenFile, timeout = 5_000, rotateAfter = 60_000, kubeconfig, context, shared = false } = options
  if (namespace !== undefined) checkName('namespace', namespace)
  if (typeof port === 'number') checkNumber('port', port, { min: 1, max: 65_535, integer: true })
  else if (port !== undefined) checkText('port', port)
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new TypeError(`scheme must be 'http' or 'https', got ${quote(scheme)}`)
  }
  if (zone !== undefined) checkText('zone', zone)
  checkBoolean('publishNotReady', publishNotReady)
  if (token !== undefined) credentialOf('token', token)
  if (tls !== undefined) checkTls(tls)
  if (tokenFile !== undefined) checkText('tokenFile', tokenFile)
  if (token !== undefined && tokenFile !== undefined)
    throw new TypeError('token and tokenFile must not both be set')
  if (kubeconfig !== undefined) checkText('kubeconfig', kubeconfig)
  if (kubeconfig !== undefined && options.server !== undefined)
    throw new TypeError('server and kubeconfig must not both be set')
  if (context !== undefined) checkText('context', context)
  if (context !== undefined && kubeconfig === undefined)
    throw new TypeError('context needs the option kubeconfig')
  checkBoolean('shared', shared)
  checkNumber('timeout', timeout, { exclusive: true })
  const maxAnswerSize = checkMaxAnswer(options.maxAnswerSize)
  checkNumber('rotateAfter', rotateAfter, { min: 1_000 })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const server = options.server === undefined ? undefined : checkRegistryUrl('server', options.server)
  return {
    shared,
    apiServer: apiServerOf({ ...options, ...(server !== undefined && { server }) }),
    join: { port, scheme, zone, publishNotReady },
    timeout,
    maxAnswerSize,
    rotateAfter,
    clock,
  }
}

/**
 * Checks a DNS label (RFC 1123), which Kubernetes requires for names. In a label selector, other characters
 * could have a special meaning.
 */
function checkName(name: string, value: unknown): void {
  if (typeof value === 'string' && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) return
  throw new TypeError(`${name} must be a Kubernetes name, got ${quote(value)}`)
}

/** Adds advice to the two errors that only the user can fix. */
function explain(error: unknown): unknown {
  if (!(error instanceof RegistryAnswerError)) return error
  const advice: Record<number, string> = {
    401: 'the API server does not accept the token or client certificate',
    403:
      'the service account needs a Role with apiGroups ["discovery.k8s.io"], resources ["endpointslices"] ' +
      'and verbs ["list", "watch"] in the namespace of the service',
  }
  const text = advice[error.status]
  if (text === undefined) return error
  return new OutriggerError('ERR_OUTRIGGER_SOURCE', `kubernetes: ${text} (${error.message})`, {
    cause: error,
  })
}
