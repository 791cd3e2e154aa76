import { systemClock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import { Gateway, isTokenRefused, type Json } from '../registry/etcd/gateway.ts'
import { base64, fromBase64 } from '../registry/etcd/layout.ts'
import type { EtcdOptions } from '../registry/etcd.ts'
import { credentialOf } from '../registry/http/credential.ts'
import { Endpoints } from '../registry/http/endpoints.ts'
import { checkSecret, tlsOf } from '../registry/http/options.ts'
import { checkText } from '../registry/text.ts'
import type { ConfigSource } from './source.ts'

/** Where in etcd a configuration is. */
export interface EtcdConfigOptions extends Pick<
  EtcdOptions,
  'endpoints' | 'user' | 'password' | 'tls' | 'timeout' | 'clock'
> {
  /** The key that contains the document. */
  key: string
  /** How often the key is read when no change is reported, in ms. This detects a frozen member. @default 30_000 */
  poll?: number
}

const MAX_ANSWER = 4 * 1024 * 1024

/**
 * Reads a document from a key of etcd v3.4 or later.
 *
 * @example
 * watchConfig(users, etcdConfig({ endpoints: 'http://127.0.0.1:2379', key: '/config/users' }))
 */
export function etcdConfig(options: EtcdConfigOptions): ConfigSource {
  checkObject('etcdConfig', options, [
    'endpoints',
    'user',
    'password',
    'tls',
    'timeout',
    'clock',
    'key',
    'poll',
  ])
  const { user, password, timeout = 5_000, poll = 30_000, clock = systemClock } = options
  const key = checkText('key', options.key)
  checkNumber('timeout', timeout, { exclusive: true })
  checkNumber('poll', poll, { min: 1 })
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  if (user !== undefined) checkSecret('user', user)
  if ((user === undefined) !== (password === undefined))
    throw new TypeError('user and password must be set together')
  const cluster = {
    endpoints: new Endpoints('endpoints', options.endpoints),
    user,
    password: password === undefined ? undefined : credentialOf('password', password),
    tls: tlsOf(options.tls),
    timeout,
    maxAnswerSize: MAX_ANSWER,
    clock,
    token: undefined,
    secrets: new Set<string>(),
  }

  async function* watch({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void> {
    const gateway = new Gateway(cluster)
    const range = { key: base64(key) }
    try {
      for (;;) {
        const { kvs, header } = await gateway.call('/v3/kv/range', range, signal)
        const [kv] = Array.isArray(kvs) ? (kvs as Json[]) : []
        if (!kv) throw new Error(`etcd: there is no key ${key}`)
        yield fromBase64(kv['value'])
        const end = new AbortController()
        const watching = AbortSignal.any([signal, end.signal])
        clock.sleep(poll, watching, { ref: false }).then(
          () => end.abort(),
          () => {},
        )
        try {
          await changed(gateway, { ...range, start_revision: revisionAfter(header) }, watching)
        } catch (error) {
          if (!end.signal.aborted) throw error
        } finally {
          end.abort()
        }
      }
    } catch (error) {
      if (signal.aborted) return
      if (isTokenRefused(String(error))) gateway.signOut()
      throw error
    } finally {
      await gateway.close()
    }
  }

  return { name: `etcd key ${key}`, watch }
}

/** Resolves at the next change of the key. Rejects when the watch ends. */
async function changed(gateway: Gateway, create_request: Json, signal: AbortSignal): Promise<void> {
  const endpoint = gateway.endpoints.current
  try {
    for await (const messages of await gateway.watch(endpoint, { create_request }, signal)) {
      for (const message of messages) {
        const { result } = (message ?? {}) as { result?: Json }
        if (!result || result['canceled'] === true) {
          if (result && 'compact_revision' in result) return
          throw new Error(`etcd: the watch failed: ${quote(result?.['cancel_reason'] ?? 'without a reason')}`)
        }
        if (Array.isArray(result['events']) && result['events'].length > 0) return
      }
    }
    throw new Error(`etcd: ${endpoint} ended the watch`)
  } catch (error) {
    if (!signal.aborted) gateway.endpoints.skip(endpoint)
    throw error
  }
}

function revisionAfter(header: unknown): string {
  const revision = (header as { revision?: unknown } | undefined)?.revision
  if (typeof revision === 'string' && /^\d{1,20}$/.test(revision)) return String(BigInt(revision) + 1n)
  throw new Error('etcd: the answer has no revision')
}
