import { systemClock, type Clock } from '../clock.ts'
import { checkMethods, checkNumber, checkObject, quote } from '../options.ts'
import type { TlsSource } from './http/connector.ts'
import { Endpoints } from './http/endpoints.ts'
import { readApplication, type AddressField } from './eureka/application.ts'
import { appOf, checkIsEureka, registerInstance, type EurekaSettings } from './eureka/lease.ts'
import { credentialOf, replaceSecrets, type Credential } from './http/credential.ts'
import { checkMaxAnswer, checkSecret, checkService, tlsOf } from './http/options.ts'
import { RegistryHttp } from './http/http.ts'
import type { Instance, Registrar, SignalContext, Source } from './source.ts'

/** Options of `eureka()`. */
export interface EurekaOptions {
  /**
   * The server's base url, `http://eureka:8761/eureka`. If there are several, the next one is used when one
   * fails.
   */
  url: string | readonly string[]
  /** The user for HTTP basic authentication. Requires `password`. */
  user?: string | undefined
  /** Requires `user`. A file or function is read before each request, so the password may change. */
  password?: Credential | undefined
  /** CA, client certificate and so on for https urls. The names are those of `node:tls`. */
  tls?: TlsSource
  /**
   * Whether the url of an instance contains its host name or its IP address.
   * @default 'hostName'
   */
  address?: AddressField
  /**
   * Time between two reads, in ms, ± 10 %. The server itself caches its answer for 30 s.
   * @default 30_000
   */
  poll?: number
  /**
   * How long one request to one server may take, in ms.
   * @default 5_000
   */
  timeout?: number
  /** The maximum size of an answer in bytes. @default 64 MiB */
  maxAnswerSize?: number
  /**
   * How long a registration lives after its last heartbeat, in ms. Eureka rounds it up to seconds.
   * @default 90_000
   */
  ttl?: number
  /** @default the system's clock */
  clock?: Clock
}

const OPTIONS: Record<keyof EurekaOptions, true> = {
  url: true,
  user: true,
  password: true,
  tls: true,
  address: true,
  poll: true,
  timeout: true,
  maxAnswerSize: true,
  ttl: true,
  clock: true,
}

/**
 * Discovers and registers instances in Netflix Eureka, as Spring Cloud uses it.
 *
 * @example
 * const registry = eureka({ url: 'http://127.0.0.1:8761/eureka' })
 * const me = await announce(registry, 'user-service', { url: 'http://10.0.0.7:8080' })
 * const users = createClient({ service: 'user-service', source: registry })
 */
export function eureka(options: EurekaOptions): Source & Registrar {
  checkObject('eureka', options, Object.keys(OPTIONS))
  const { user, password, tls, address = 'hostName', clock = systemClock } = options
  const { poll = 30_000, timeout = 5_000, ttl = 90_000 } = options
  checkNumber('poll', poll, { exclusive: true })
  checkNumber('timeout', timeout, { exclusive: true })
  const maxAnswerSize = checkMaxAnswer(options.maxAnswerSize)
  checkNumber('ttl', ttl, { min: 1000 })
  if (user !== undefined) checkSecret('user', user)
  const passwordNow = password === undefined ? undefined : credentialOf('password', password)
  if ((user === undefined) !== (password === undefined))
    throw new TypeError('user and password must be set together')
  checkMethods('clock', clock, ['now', 'sleep', 'random'])
  if (address !== 'hostName' && address !== 'ipAddr') {
    throw new TypeError(`address must be 'hostName' or 'ipAddr', got ${quote(address)}`)
  }
  const secrets = new Set<string>()
  const authorize =
    passwordNow &&
    (async () => {
      const secret = await passwordNow()
      const basic = Buffer.from(`${user}:${secret}`).toString('base64')
      replaceSecrets(secrets, secret, basic)
      return { authorization: `Basic ${basic}` }
    })
  const settings: EurekaSettings = {
    name: 'eureka',
    endpoints: new Endpoints('url', options.url),
    headers: {
      accept: 'application/json',
      // Netflix's server answers 406 to a request that does not accept gzip.
      'accept-encoding': 'gzip',
    },
    secrets,
    authorize,
    timeout,
    maxAnswerSize,
    clock,
    tls: tlsOf(tls),
  }
  /** The servers that have proved to be Eureka. */
  const known = new Set<string>()

  async function* watch(
    service: string,
    { signal }: SignalContext,
  ): AsyncGenerator<readonly Instance[], void> {
    checkService(service)
    const path = `/apps/${encodeURIComponent(appOf(service))}`
    const http = new RegistryHttp(settings)
    const read = (background: boolean): Promise<readonly Instance[]> =>
      settings.endpoints.tryEach(signal, async (base) => {
        const request = { headers: settings.headers, signal, background }
        const reply = await http.send(base + path, request)
        if (reply.status === 404) {
          if (!known.has(base)) await checkIsEureka(http, base, request)
          known.add(base)
          return []
        }
        if (reply.status !== 200) throw http.failure(base + path, request, reply)
        return readApplication(http.json(base + path, request, reply), address)
      })
    try {
      yield await read(false)
      for (;;) {
        await clock.sleep(poll * (0.9 + 0.2 * clock.random()), signal, { ref: false })
        yield await read(true)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await http.close()
    }
  }

  return {
    // In ms. A server that lost its data needs this long until heartbeats have restored it, its cache is
    // renewed and our poll reads it.
    emptyGrace: 120_000,
    watch,
    register: async (service, instance, { signal }) => {
      checkService(service)
      return registerInstance(settings, service, instance, { ttl, signal })
    },
  }
}
