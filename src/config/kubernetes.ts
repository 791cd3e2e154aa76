import { systemClock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject } from '../options.ts'
import { credentialOf } from '../registry/http/credential.ts'
import { RegistryAnswerError, RegistryHttp } from '../registry/http/http.ts'
import { checkRegistryUrl } from '../registry/http/options.ts'
import { checkTls } from '../registry/http/tls.ts'
import { apiServerOf } from '../registry/kubernetes/access.ts'
import type { KubernetesOptions } from '../registry/kubernetes.ts'
import { watchSlices } from '../registry/kubernetes/watch.ts'
import { checkText } from '../registry/text.ts'
import type { ConfigSource } from './source.ts'

/** Where in Kubernetes a configuration is. */
export interface KubernetesConfigOptions extends Pick<
  KubernetesOptions,
  | 'namespace'
  | 'server'
  | 'kubeconfig'
  | 'context'
  | 'token'
  | 'tokenFile'
  | 'tls'
  | 'timeout'
  | 'rotateAfter'
  | 'clock'
> {
  /** The name of the ConfigMap. */
  name: string
  /** The key in its `data` that contains the document. @default 'outrigger.json' */
  key?: string
}

const MAX_ANSWER = 4 * 1024 * 1024
const OPTIONS: Record<keyof KubernetesConfigOptions, true> = {
  namespace: true,
  server: true,
  kubeconfig: true,
  context: true,
  token: true,
  tokenFile: true,
  tls: true,
  timeout: true,
  rotateAfter: true,
  clock: true,
  name: true,
  key: true,
}

/**
 * Reads a document from a Kubernetes ConfigMap. The service account needs the permissions `list` and `watch`
 * for it.
 *
 * @example
 * watchConfig(users, kubernetesConfig({ name: 'users-policy' }))
 */
export function kubernetesConfig(options: KubernetesConfigOptions): ConfigSource {
  checkObject('kubernetesConfig', options, Object.keys(OPTIONS))
  const { token, tls, timeout = 5_000, rotateAfter = 60_000, clock = systemClock } = options
  const name = checkText('name', options.name)
  const key = checkText('key', options.key ?? 'outrigger.json')
  for (const option of ['namespace', 'kubeconfig', 'context', 'tokenFile'] as const) {
    if (options[option] !== undefined) checkText(option, options[option])
  }
  if (token !== undefined) credentialOf('token', token)
  if (token !== undefined && options.tokenFile !== undefined)
    throw new TypeError('token and tokenFile must not both be set')
  if (tls !== undefined) checkTls(tls)
  if (options.context !== undefined && options.kubeconfig === undefined)
    throw new TypeError('context needs the option kubeconfig')
  checkNumber('timeout', timeout, { exclusive: true })
  checkNumber('rotateAfter', rotateAfter, { min: 1_000 })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const server = options.server === undefined ? undefined : checkRegistryUrl('server', options.server)
  if (server !== undefined && options.kubeconfig !== undefined)
    throw new TypeError('server and kubeconfig must not both be set')
  const apiServer = apiServerOf({ ...options, ...(server !== undefined && { server }) })
  const secrets = new Set<string>()
  const headers = async (): Promise<Record<string, string>> => {
    const now = await apiServer.token()
    secrets.clear()
    if (now === undefined) return {}
    secrets.add(now)
    return { authorization: `Bearer ${now}` }
  }

  async function* watch({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void> {
    const access = await apiServer.access()
    const maxAnswerSize = MAX_ANSWER
    const http = new RegistryHttp({
      name: 'kubernetes',
      clock,
      timeout,
      maxAnswerSize,
      tls: access.tls,
      secrets,
    })
    try {
      const selector = encodeURIComponent(`metadata.name=${name}`)
      const namespace = encodeURIComponent(access.namespace)
      const url = `${access.server}/api/v1/namespaces/${namespace}/configmaps?fieldSelector=${selector}`
      const onRetryAfter = (): void => {}
      // List and watch work the same way for every kind of object.
      for await (const maps of watchSlices(
        http,
        { url, headers, timeout, rotateAfter, clock, onRetryAfter },
        signal,
      )) {
        const map = (maps as readonly { metadata: { name: string } }[]).find(
          (each) => each.metadata.name === name,
        ) as { data?: Readonly<Record<string, unknown>> } | undefined
        const { data } = map ?? {}
        const text = data && Object.hasOwn(data, key) ? data[key] : undefined
        if (typeof text !== 'string') throw new Error(`kubernetes: there is no ConfigMap ${name} with ${key}`)
        yield text
      }
    } catch (error) {
      if (signal.aborted) return
      throw explain(error, name)
    } finally {
      await http.close()
    }
  }

  return { name: `ConfigMap ${name}`, watch }
}

function explain(error: unknown, name: string): unknown {
  if (!(error instanceof RegistryAnswerError) || error.status !== 403) return error
  const needs = `the service account needs a Role with resources ["configmaps"], resourceNames ["${name}"] and verbs ["list", "watch"]`
  return new Error(`kubernetes: ${needs} (${error.message})`, { cause: error })
}
