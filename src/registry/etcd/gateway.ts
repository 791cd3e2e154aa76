import type { Clock } from '../../clock.ts'
import type { Endpoints } from '../http/endpoints.ts'
import type { TlsSource } from '../http/connector.ts'
import { RegistryAnswerError, RegistryHttp, type RegistryRequest } from '../http/http.ts'

/** What all requests of one `etcd()` share: the endpoints and the credentials. */
export interface Cluster {
  readonly endpoints: Endpoints
  readonly user: string | undefined
  readonly password: (() => Promise<string>) | undefined
  readonly tls: TlsSource | undefined
  readonly timeout: number
  readonly maxAnswerSize: number
  readonly clock: Clock
  readonly secrets: Set<string>
  /** Undefined: not authenticated yet. Empty: authentication is disabled in the cluster. */
  token: string | undefined
}

export type Json = Readonly<Record<string, unknown>>

/** etcd's v3 API as JSON over HTTP, with failover and authentication. The API encodes 64-bit integers as strings. */
export class Gateway {
  readonly #cluster: Cluster
  readonly #http: RegistryHttp

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    // One connection for the watch, the other for requests during the watch.
    this.#http = new RegistryHttp({ name: 'etcd', connections: 2, ...cluster })
  }

  get endpoints(): Endpoints {
    return this.#cluster.endpoints
  }

  /** Tries the endpoints until one answers. */
  call(path: string, body: Json, signal: AbortSignal): Promise<Json> {
    return this.endpoints.tryEach(signal, (endpoint) => this.ask(endpoint, path, body, { signal }))
  }

  ask(endpoint: string, path: string, body: Json, options: RegistryRequest): Promise<Json> {
    return this.#signedIn(endpoint, options.signal, async (headers) => {
      const url = endpoint + path
      const request = { method: 'POST', ...options, headers, body: JSON.stringify(body) } as const
      const reply = await this.#http.send(url, request)
      const answer = parse(reply.text)
      if (reply.status !== 200 || !answer || 'error' in answer) throw this.#http.failure(url, request, reply)
      return answer
    })
  }

  /** Starts a watch. Yields its messages. */
  watch(endpoint: string, body: Json, signal: AbortSignal): Promise<AsyncIterable<unknown[]>> {
    return this.#signedIn(endpoint, signal, (headers) =>
      this.#http.lines(`${endpoint}/v3/watch`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        signal,
      }),
    )
  }

  /** Call this when the cluster refuses the token in a way that the status does not show. */
  signOut(): void {
    this.#cluster.token = undefined
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  /**
   * Authenticates when needed. Tokens expire and become invalid when their user changes: then authenticates
   * again, once.
   */
  async #signedIn<T>(
    endpoint: string,
    signal: AbortSignal,
    run: (headers: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const { user } = this.#cluster
    if (user === undefined) return run({})
    const token = (this.#cluster.token ??= await this.#authenticate(endpoint, user, signal))
    try {
      return await run(authorization(token))
    } catch (error) {
      if (!(error instanceof RegistryAnswerError && isTokenRefused(error.message))) throw error
      // Another watch may have authenticated in the meantime.
      if (this.#cluster.token === token) this.#cluster.token = undefined
      return run(authorization((this.#cluster.token ??= await this.#authenticate(endpoint, user, signal))))
    }
  }

  async #authenticate(endpoint: string, name: string, signal: AbortSignal): Promise<string> {
    const { secrets } = this.#cluster
    const password = (await this.#cluster.password?.()) ?? ''
    secrets.add(password)
    const url = `${endpoint}/v3/auth/authenticate`
    const body = JSON.stringify({ name, password })
    const request = { method: 'POST', body, signal } as const
    const reply = await this.#http.send(url, request)
    const token = parse(reply.text)?.['token']
    if (reply.status === 200 && typeof token === 'string') {
      // Keep only the newest token in the set, because tokens change all the time.
      secrets.clear()
      secrets.add(password).add(token)
      return token
    }
    // A client may have a password before authentication is enabled in the cluster.
    if (reply.text.includes('authentication is not enabled')) return ''
    throw this.#http.failure(url, request, reply)
  }
}

/**
 * Whether the message means Unauthenticated (gRPC code 16): the token is invalid, the users have changed since
 * it was issued, or no token was sent and authentication is enabled now.
 */
export function isTokenRefused(message: string): boolean {
  return /invalid auth token|revision of auth store is old|user name is empty/.test(message)
}

function authorization(token: string): Record<string, string> {
  return token === '' ? {} : { authorization: token }
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : undefined
  } catch {
    return undefined
  }
}
