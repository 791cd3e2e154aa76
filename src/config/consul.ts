import { systemClock } from '../clock.ts'
import { checkBoolean, checkMethods, checkNumber, checkObject } from '../options.ts'
import { blockingQueries } from '../registry/consul/watch.ts'
import type { ConsulOptions } from '../registry/consul.ts'
import { credentialOf, replaceSecrets } from '../registry/http/credential.ts'
import { RegistryAnswerError, RegistryHttp } from '../registry/http/http.ts'
import { checkRegistryUrl, tlsOf } from '../registry/http/options.ts'
import { checkText } from '../registry/text.ts'
import type { ConfigSource } from './source.ts'

/** Where in Consul a configuration is. */
export interface ConsulConfigOptions extends Pick<
  ConsulOptions,
  'url' | 'token' | 'tls' | 'datacenter' | 'stale' | 'wait' | 'timeout' | 'clock'
> {
  /** The key that contains the document. */
  key: string
}

const MAX_ANSWER = 4 * 1024 * 1024

/**
 * Reads a document from a key of Consul's KV store. The token needs `key:read`.
 *
 * @example
 * watchConfig(users, consulConfig({ key: 'config/users' }))
 */
export function consulConfig(options: ConsulConfigOptions): ConfigSource {
  checkObject('consulConfig', options, [
    'url',
    'token',
    'tls',
    'datacenter',
    'stale',
    'wait',
    'timeout',
    'clock',
    'key',
  ])
  const {
    url: agent = 'http://127.0.0.1:8500',
    token,
    datacenter,
    stale = false,
    clock = systemClock,
  } = options
  const { wait = 55_000, timeout = 5_000 } = options
  const key = checkText('key', options.key)
  const base = checkRegistryUrl('url', agent)
  checkBoolean('stale', stale)
  checkNumber('wait', wait, { exclusive: true, max: 60_000 })
  checkNumber('timeout', timeout, { exclusive: true })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  const query = new URLSearchParams({
    ...(stale && { stale: '' }),
    ...(datacenter !== undefined && { dc: checkText('datacenter', datacenter) }),
  })
  const path = key.split('/').map(encodeURIComponent).join('/')
  const url = `${base}/v1/kv/${path}?${query.toString()}`
  const secrets = new Set<string>()
  const tokenNow = token === undefined ? undefined : credentialOf('token', token)
  const authorize =
    tokenNow && (async () => ({ 'x-consul-token': replaceSecrets(secrets, await tokenNow()) }))
  const tls = tlsOf(options.tls)

  async function* watch({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void> {
    const settings = { name: 'consul', clock, timeout, tls, secrets, authorize, maxAnswerSize: MAX_ANSWER }
    const http = new RegistryHttp(settings)
    try {
      for await (const answer of blockingQueries(http, { url, headers: {}, wait, timeout, clock }, signal)) {
        yield valueOf(answer)
      }
    } catch (error) {
      if (signal.aborted) return
      const isAbsent = error instanceof RegistryAnswerError && error.status === 404
      throw isAbsent ? new Error(`consul: there is no key ${key}`, { cause: error }) : error
    } finally {
      await http.close()
    }
  }

  return { name: `consul key ${key}`, watch }
}

function valueOf(answer: unknown): string {
  const [entry] = Array.isArray(answer) ? (answer as ({ Value?: unknown } | null)[]) : []
  if (!entry || !('Value' in entry)) throw new TypeError('consul: the answer is not a key')
  // Consul returns null for an empty value.
  return typeof entry.Value === 'string' ? Buffer.from(entry.Value, 'base64').toString() : ''
}
